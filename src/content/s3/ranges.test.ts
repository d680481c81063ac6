import { expect, test } from 'bun:test';
import { createRanges } from './ranges.ts';

const bytes = new Uint8Array(10);

/** Ranges of an object whose answers have these statuses, one after the other; `asked` has what was asked for. */
function createRig(statuses: number[], refuse = () => {}) {
  const asked: string[] = [];
  const sent: Record<string, string>[] = [];
  let signatures = 0;
  const answer = (status: number) => ({ status, headers: new Headers({ 'content-range': 'bytes 0-9/30' }), bytes });
  const ranges = createRanges(
    { key: 'blobs/a', etag: '"1"' },
    async (range) => {
      asked.push(range);
      refuse();
      return {};
    },
    {
      async sign(key) {
        asked.push(`signature of ${key}`);
        return { url: `http://s3/${signatures++}`, headers: {} };
      },
      forget: ({ url }) => void asked.push(`forget ${url}`),
    },
    {
      async read(_, more) {
        sent.push(more);
        return answer(statuses.shift() ?? 206);
      },
      open: async () => new Response(bytes, answer(statuses.shift() ?? 206)),
    },
    (call) => call(),
  );
  return { ranges, asked, sent };
}

test('one signature serves for all ranges of an object', async () => {
  const { ranges, asked, sent } = createRig([]);
  for (const at of [0, 10, 20]) expect(await ranges.read(at, at + 9)).toEqual({ bytes, size: 30 });
  expect(await ranges.open(0, 9)).toBeInstanceOf(ReadableStream);
  expect(asked).toEqual(['signature of blobs/a']);
  expect(sent.at(-1)).toEqual({ range: 'bytes=20-29', 'if-match': '"1"' });
});

test('what is refused is asked for by the client, which says why; when it succeeds there is another signature', async () => {
  const renewed = createRig([206, 403, 206]);
  await renewed.ranges.read(0, 9);
  expect(await renewed.ranges.read(10, 19)).toEqual({ bytes, size: 30 });
  expect(renewed.asked).toEqual(['signature of blobs/a', 'forget http://s3/0', 'bytes=10-19', 'signature of blobs/a']);
  const refused = createRig([403], () => {
    throw new Error('what S3 said');
  });
  await expect(refused.ranges.read(0, 9)).rejects.toThrow('what S3 said');
});

test('a stream that is refused, or of a shorter object, is none', async () => {
  expect(await createRig([503]).ranges.open(0, 9)).toBeUndefined();
  expect(await createRig([200]).ranges.open(0, 9)).toBeUndefined();
  expect(await createRig([206]).ranges.open(0, 30)).toBeUndefined();
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, openUpload, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';
import { tiersOf } from '../../test/support/tiers.ts';

const mib = 1024 ** 2;

type Server = Awaited<ReturnType<typeof startTestApp>>;
let server: Server;
let tiers: ReturnType<typeof tiersOf>;
beforeAll(async () => {
  server = await startTestApp();
  tiers = tiersOf(server.url);
});
afterAll(() => server[Symbol.asyncDispose]());

/** More than the buffers of a connection take in. */
const size = 64 * mib;

const secondsOf = async (act: () => Promise<unknown>) => {
  const began = performance.now();
  await act();
  return (performance.now() - began) / 1000;
};

async function withRates(rates: object): Promise<void> {
  await tiers.put('Paced', { rates });
  await tiers.use('Paced');
}

const pull = (digest: string, init: Parameters<typeof fetch>[1] = {}) =>
  fetch(`${server.url}/v2/app/blobs/${digest}`, init);

test('what is pulled goes out as fast as the tier says, all pulls together, and arrives whole', async () => {
  const bytes = randomBytes(4 * mib);
  const digest = await pushBlob(server.url, 'app', bytes);
  await withRates({ egress: 4 });
  const whole = async () => expect(digestOf(new Uint8Array(await (await pull(digest)).arrayBuffer()))).toBe(digest);
  // The bucket holds 8 MiB, so the last four of twelve take a second at least.
  const seconds = await secondsOf(() => Promise.all([whole(), whole(), whole()]));
  expect(seconds).toBeGreaterThan(0.8);
  const part = await pull(digest, { headers: { Range: 'bytes=5-104' } });
  expect(part.status).toBe(206);
  expect(new Uint8Array(await part.arrayBuffer())).toEqual(bytes.slice(5, 105));
  await tiers.use('Premium');
  expect((await pull(digest)).headers.get('content-length')).toBe(String(4 * mib));
});

test('what is pushed is taken in as fast as the tier says', async () => {
  await withRates({ ingress: 4 });
  const push = () => pushBlob(server.url, 'app', randomBytes(4 * mib));
  expect(await secondsOf(() => Promise.all([push(), push(), push()]))).toBeGreaterThan(0.8);
  await tiers.use('Premium');
});

test('so many blobs are on their way at once; further ones wait, and go on when one has ended', async () => {
  const digest = await pushBlob(server.url, 'app', randomBytes(size));
  await withRates({ transfers: 2 });
  // Two that read nothing, so that they do not end.
  const stuck = await Promise.all([1, 2].map(() => openPull(digest)));
  const session = await openUpload(server.url, 'app');
  const body = randomBytes(1000);
  let done = false;
  const third = fetch(session, { method: 'PATCH', body }).then((answer) => {
    done = true;
    return answer.status;
  });
  await Bun.sleep(500);
  expect(done).toBe(false);
  // What moves no blob does not wait.
  expect((await pull(digest, { method: 'HEAD' })).headers.get('content-length')).toBe(String(size));
  stuck[0]!.close();
  expect(await third).toBe(202);
  for (const one of stuck) one.close();
  // Both places are free again.
  const [one, other] = await Promise.all([pull(digest), pull(digest)]);
  expect([(await one.bytes()).length, (await other.bytes()).length]).toEqual([size, size]);
  await tiers.use('Premium');
});

test('one that waits too long is refused and told when to come again', async () => {
  const digest = await pushBlob(server.url, 'app', randomBytes(size));
  await withRates({ transfers: 1 });
  const stuck = await openPull(digest);
  const refused = await pull(digest);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect((await errorOf(refused)).detail).toMatchObject({ category: 'transfers', tier: 'Paced' });
  stuck.close();
  await tiers.use('Premium');
});

/** A client that asks for a blob and reads nothing of it but the beginning. */
async function openPull(digest: string) {
  const client = new AbortController();
  const answer = await pull(digest, { signal: client.signal });
  expect(answer.status).toBe(200);
  const reader = answer.body!.getReader();
  await reader.read();
  return {
    close() {
      client.abort();
      reader.cancel().catch(() => {});
    },
  };
}

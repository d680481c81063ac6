import { expect, test } from 'bun:test';
import { packLines } from './write-layer.ts';

/** Lines that come at once, or with pauses, before the end, too. */
async function* linesOf(count: number, pauseMs: number, lastMs: number): AsyncGenerator<string> {
  for (let n = 0; n < count; n++) {
    if (pauseMs > 0 && n % 100 === 0) await Bun.sleep(pauseMs);
    yield JSON.stringify({ id: `GHSA-${n}`, summary: 'x'.repeat((n * 7919) % 500) });
  }
  if (lastMs > 0) await Bun.sleep(lastMs);
}

async function packed(lines: AsyncIterable<string>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of packLines(lines)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.each([0, 1, 3, 2000])('the same %p lines are the same bytes, however fast they come', async (count) => {
  const first = await packed(linesOf(count, 0, 0));
  for (const [pause, last] of [
    [1, 0],
    [0, 5],
    [2, 2],
  ] as const) {
    expect(Bun.hash(await packed(linesOf(count, pause, last)))).toBe(Bun.hash(first));
  }
  const lines = Bun.zstdDecompressSync(first).toString().split('\n');
  expect(lines).toHaveLength(count + 1);
});

test('what fails on the way is an error, and what is not read to its end leaves nothing running', async () => {
  async function* failing(): AsyncGenerator<string> {
    yield 'a';
    throw new Error('the database is gone');
  }
  await expect(packed(failing())).rejects.toThrow('the database is gone');
  for await (const _ of packLines(linesOf(100_000, 0, 0))) break;
});

import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import type { Ranges } from './ranges.ts';
import { createReadBudget } from './read-budget.ts';
import { openReader, type S3Reader } from './reader.ts';
import { createStreamSlots } from './stream.ts';

const content = randomBytes(3 * 1024 * 1024 + 17);
const end = content.length - 1;

interface RigOptions extends Partial<Ranges> {
  streams?: number;
  /** Of them, those for readers of whom nothing is known. */
  atFirst?: number;
}

/** An object in memory, and what a store keeps of those who read it. */
function createRig({ streams = 0, atFirst = streams, read, open }: RigOptions = {}) {
  const slots = createStreamSlots(streams, atFirst);
  const reads = createReadBudget(8 * 1024 * 1024);
  const asked: number[] = [];
  const ranges: Ranges = {
    read:
      read ??
      (async (from, to) => {
        asked.push(to + 1 - from);
        return { bytes: new Uint8Array(content.subarray(from, to + 1)), size: content.length };
      }),
    open: open ?? (async (from, to) => new Blob([content.subarray(from, to + 1)]).stream()),
  };
  return {
    asked,
    reads,
    slots,
    calls: { ranges: () => ranges, reads, streams: slots, silenceMs: 200 },
    /** Nothing is kept of any reader. */
    async expectFree(): Promise<void> {
      for (const until = Date.now() + 5000; reads.held() > 0 && Date.now() < until;) await Bun.sleep(5);
      expect(reads.held()).toBe(0);
      let free = 0;
      while (slots.take(true)) free++;
      expect(free).toBe(streams);
    },
  };
}

async function rest(reader: S3Reader): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let chunk = await reader.next(); chunk; chunk = await reader.next()) {
    chunks.push(Buffer.from(chunk));
    reader.done();
  }
  return Buffer.concat(chunks);
}

test('an object is read whole in windows, by a stream, and in parts', async () => {
  for (const streams of [0, 1]) {
    const rig = createRig({ streams });
    for (const [from, to] of [
      [0, end],
      [1, 1],
      [end, end],
      [700_000, 2_900_001],
    ] as const) {
      const reader = (await openReader(rig.calls, 'key', from, to))!;
      expect((await rest(reader)).equals(content.subarray(from, to + 1))).toBe(true);
    }
    await rig.expectFree();
  }
});

test('a stream that breaks, or says nothing any more, goes on in windows', async () => {
  for (const how of ['breaks', 'ends', 'silence']) {
    const rig = createRig({
      streams: 1,
      async open(from) {
        if (from > 0) return undefined;
        return new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(content.subarray(0, 100_000)));
          },
          pull(controller) {
            if (how === 'breaks') controller.error(new Error('reset'));
            if (how === 'ends') controller.close();
            return Bun.sleep(0);
          },
        });
      },
    });
    const reader = (await openReader(rig.calls, 'key', 0, end))!;
    expect((await rest(reader)).equals(content)).toBe(true);
    expect(rig.asked.length).toBeGreaterThan(1);
    await rig.expectFree();
  }
});

test('a missing object is undefined at first, and an error later; one that is shorter is an error', async () => {
  const missing = createRig({ read: async () => undefined });
  expect(await openReader(missing.calls, 'key', 0, end)).toBeUndefined();
  await missing.expectFree();

  let there = true;
  const removed = createRig({
    read: async (from, to) =>
      there ? { bytes: new Uint8Array(content.subarray(from, to + 1)), size: content.length } : undefined,
  });
  const reader = (await openReader(removed.calls, 'key', 0, end))!;
  there = false;
  await expect(rest(reader)).rejects.toThrow('does not answer');
  await removed.expectFree();

  const shorter = createRig();
  await expect(openReader(shorter.calls, 'key', 0, end + 1)).rejects.toThrow(`has ${content.length} bytes`);
  await shorter.expectFree();
  const cut = createRig({
    read: async (from, to) => ({
      bytes: new Uint8Array(content.subarray(from, Math.min(to + 1, 200_000))),
      size: content.length,
    }),
  });
  const half = (await openReader(cut.calls, 'key', 0, end))!;
  await expect(rest(half)).rejects.toThrow('were expected');
  await cut.expectFree();
});

test('a pause gives back all but the chunk that was handed out, and reading goes on behind it', async () => {
  for (const streams of [0, 1]) {
    const rig = createRig({ streams });
    const reader = (await openReader(rig.calls, 'key', 0, end))!;
    const parts: Buffer[] = [];
    for (let chunks = 0; chunks < 5; chunks++) {
      const chunk = (await reader.next())!;
      parts.push(Buffer.from(chunk));
      const { length } = chunk;
      reader.done();
      reader.pause();
      await Bun.sleep(5);
      expect(rig.reads.held()).toBeLessThanOrEqual(length);
      expect(rig.slots.free()).toBe(streams === 1);
    }
    parts.push(await rest(reader));
    expect(Buffer.concat(parts).equals(content)).toBe(true);
    await rig.expectFree();
  }
});

test('cancelling gives everything back, before the first chunk, between two, and while one is on its way', async () => {
  for (const streams of [0, 1]) {
    const rig = createRig({ streams });
    (await openReader(rig.calls, 'key', 0, end))!.cancel();
    const between = (await openReader(rig.calls, 'key', 0, end))!;
    await between.next();
    between.cancel();
    expect(await between.next()).toBeUndefined();
    const underWay = (await openReader(rig.calls, 'key', 0, end))!;
    await underWay.next();
    underWay.done();
    underWay.pause();
    const next = underWay.next();
    underWay.cancel();
    await next;
    expect(await underWay.next()).toBeUndefined();
    await rig.expectFree();
  }
});

test('what was handed out and is done with is no longer in memory', async () => {
  for (const streams of [0, 1]) {
    const reader = (await openReader(createRig({ streams }).calls, 'key', 0, 99_999))!;
    const chunk = (await reader.next())!;
    reader.done();
    expect(chunk.buffer.detached).toBe(true);
    reader.cancel();
  }
});

test('whoever has just begun gets a stream while there are many, and later only when it keeps up', async () => {
  const large = new Uint8Array(8 * 1024 * 1024).fill(7);
  const opened: number[] = [];
  const rig = createRig({
    streams: 2,
    atFirst: 1,
    read: async (from, to) => ({ bytes: new Uint8Array(large.subarray(from, to + 1)), size: large.length }),
    open: async (from, to) => {
      opened.push(from);
      return new Blob([large.subarray(from, to + 1)]).stream();
    },
  });
  const open = async () => (await openReader(rig.calls, 'key', 0, large.length - 1))!;
  const first = await open();
  expect(opened).toEqual([0]);
  const second = await open();
  expect(opened).toEqual([0]);
  expect((await rest(second)).equals(large)).toBe(true);
  expect(opened).toHaveLength(2);
  expect(opened[1]).toBeGreaterThanOrEqual(128 * 1024);
  // One that takes its time never asks for the other.
  const slow = await open();
  for (let chunks = 0; chunks < 3; chunks++) {
    await slow.next();
    await Bun.sleep(600);
    slow.done();
  }
  expect(opened).toHaveLength(2);
  slow.cancel();
  first.cancel();
  await rig.expectFree();
});

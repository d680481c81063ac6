import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { digestOf } from '../oci/index.ts';
import type { BlobStore, Staging } from './blob-store.ts';
import { bodyOf, openContentRig, owner } from './content-rig.double.ts';
import { createLiveHashes, hashAgain, startHash } from './upload-hash.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 300);

/** A staging area in memory, of which the first bytes are readable and the others still on their way. */
function memoryStaging(start: Buffer) {
  const stored = [start];
  let pending: Uint8Array[] = [];
  const all = () => Buffer.concat(stored);
  const staging = {
    write: (chunk: Uint8Array) => void pending.push(chunk),
    readable: () => all().length,
    unreadable: () => [...pending],
  } as unknown as Staging;
  let reads = 0;
  const store = {
    async *readStaged(_: string, from: number, to: number) {
      reads++;
      for (let at = from; at < to; at += 700) {
        await Promise.resolve();
        yield all().subarray(at, Math.min(to, at + 700));
      }
    },
  } as unknown as BlobStore;
  return {
    staging,
    store,
    reads: () => reads,
    flush() {
      stored.push(Buffer.concat(pending));
      pending = [];
    },
  };
}

test(`a hash that begins late catches up, whatever arrives meanwhile and whenever it is written`, async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 3000 }) }),
      fc.constant('flush' as const),
      fc.record({ turns: fc.integer({ min: 1, max: 12 }) }),
    ),
    { maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 9000 }), steps, async (prefix, script) => {
      const sent = [randomBytes(prefix)];
      const area = memoryStaging(sent[0]!);
      const hash = hashAgain(area.store, 'x', 'sha256', prefix);
      hash.attach(area.staging);
      for (const step of script) {
        if (step === 'flush') area.flush();
        else if ('turns' in step) for (let turn = 0; turn < step.turns; turn++) await Promise.resolve();
        else {
          const chunk = randomBytes(step.write);
          sent.push(chunk);
          hash.update(chunk);
          void area.staging.write(chunk);
        }
        const early = hash.current();
        if (early) expect(early).toBe(digestOf(Buffer.concat(sent)));
      }
      area.flush();
      hash.detach();
      expect(await hash.digest()).toBe(digestOf(Buffer.concat(sent)));
      expect(hash.length()).toBe(Buffer.concat(sent).length);
    }),
    { numRuns: runs },
  );
});

test('a fork goes its own way, and there is none before the hash has caught up', async () => {
  const area = memoryStaging(Buffer.from('hello'));
  const hash = hashAgain(area.store, 'x', 'sha512', 5);
  expect(hash.fork()).toBeUndefined();
  expect(hash.current()).toBeUndefined();
  await hash.digest();
  const fork = hash.fork()!;
  fork.update(Buffer.from(' world'));
  expect(fork.current()).toBe(digestOf('hello world', 'sha512'));
  expect(hash.current()).toBe(digestOf('hello', 'sha512'));
});

test('a hash whose staged bytes are missing says so, and one that is dropped stops reading', async () => {
  const area = memoryStaging(Buffer.from('hello'));
  await expect(hashAgain(area.store, 'x', 'sha256', 6).digest()).rejects.toThrow('6 bytes');
  const large = memoryStaging(Buffer.alloc(20 * 1024 * 1024));
  const hash = hashAgain(large.store, 'x', 'sha256', 20 * 1024 * 1024);
  hash.drop();
  await expect(hash.digest()).rejects.toThrow('dropped');
  expect(large.reads()).toBe(1);
});

test('live hashes are few, exact, and gone when they are taken or dropped', () => {
  const hashes = createLiveHashes(3);
  const of = (text: string) => {
    const hash = startHash('sha256');
    hash.update(Buffer.from(text));
    return hash;
  };
  const run = (upload: string, startedAt = 1) => ({ upload, startedAt });
  for (const id of ['a', 'b', 'c', 'd', 'e']) hashes.keep(run(id), of(id));
  expect(hashes.take(run('b'), 'sha256', 1)).toBeUndefined();
  expect(hashes.take(run('c'), 'sha256', 2)).toBeUndefined();
  expect(hashes.take(run('c'), 'sha256', 1)).toBeUndefined();
  expect(hashes.take(run('d'), 'sha512', 1)).toBeUndefined();
  expect(hashes.take(run('e'), 'sha256', 1)?.current()).toBe(digestOf('e'));
  expect(hashes.take(run('e'), 'sha256', 1)).toBeUndefined();
  hashes.keep(run('f'), of('f'));
  expect(hashes.take(run('f', 2), 'sha256', 1)).toBeUndefined();
});

type Bytes = AsyncIterable<Uint8Array>;

/** A store of which each reading of staged bytes goes through `watch`. */
function watchReads(store: BlobStore, watch: (read: () => Bytes) => Bytes): BlobStore {
  const { readStaged } = store;
  return {
    ...store,
    readStaged: readStaged && ((...range) => watch(() => readStaged(...range))),
    async stage(...area) {
      const staging = await store.stage(...area);
      if (!staging) return undefined;
      return {
        ...staging,
        async seal() {
          const read = await staging.seal();
          return (start, end) => watch(() => read(start, end));
        },
      };
    },
  };
}

test('lesson 1: a chunk is accepted and answered while the bytes before it are still being hashed', async () => {
  await using rig = await openContentRig();
  const bytes = randomBytes(1_000_000);
  const id = await rig.open();
  await rig.append(id, bodyOf(bytes.subarray(0, 600_000)));
  const { promise: mayRead, resolve: letRead } = Promise.withResolvers<void>();
  const slow = rig.openOver(
    watchReads(rig.store, async function* (read) {
      await mayRead;
      yield* read();
    }),
  );
  const append = (from: number, to: number) =>
    slow.hold(id, owner, (session) => session.append(bodyOf(bytes.subarray(from, to)), from));
  expect(await append(600_000, 700_000)).toBe(700_000);
  expect(await append(700_000, 1_000_000)).toBe(1_000_000);
  expect(await rig.uploads.find(id, owner)).toMatchObject({ offset: 1_000_000, digest: null });
  const closing = slow.hold(id, owner, (session) => session.close(undefined, digestOf(bytes), rig.link));
  expect(await Promise.race([closing.then(() => 'closed'), Bun.sleep(30).then(() => 'waits')])).toBe('waits');
  letRead();
  expect((await closing).size).toBe(bytes.length);
});

test('a session whose last chunk was hashed here is closed without reading anything back', async () => {
  await using rig = await openContentRig();
  let reads = 0;
  const counting = rig.openOver(
    watchReads(rig.store, (read) => {
      reads++;
      return read();
    }),
  );
  const bytes = randomBytes(300_000);
  const id = await rig.open();
  for (let at = 0; at < 300_000; at += 100_000) {
    await counting.hold(id, owner, (session) => session.append(bodyOf(bytes.subarray(at, at + 100_000)), at));
  }
  const whole = digestOf(Buffer.concat([bytes, Buffer.from('!')]));
  await counting.hold(id, owner, (it) => it.close(bodyOf('wrong'), whole, rig.link)).catch(() => {});
  await counting.hold(id, owner, (it) => it.close(bodyOf('!'), whole, rig.link));
  // Elsewhere the digest of the row is enough.
  const other = await rig.open();
  await rig.append(other, bodyOf(bytes));
  await counting.hold(other, owner, (session) => session.close(undefined, digestOf(bytes), rig.link));
  expect(reads).toBe(0);
});

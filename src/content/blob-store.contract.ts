import { describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { type Digest, type DigestAlgorithm, digestOf } from '../oci/index.ts';
import type { BlobStore, Staging } from './blob-store.ts';

export interface StoreUnderTest extends AsyncDisposable {
  store: BlobStore;
  /** The same bytes through a new store, as after a restart. */
  reopen(): Promise<BlobStore>;
}

/** What every blob store must do. An implementation joins by one call with its constructor. */
export function testBlobStore(name: string, open: () => Promise<StoreUnderTest>): void {
  const testStore = (behaviour: string, run: (store: BlobStore, subject: StoreUnderTest) => Promise<void>) =>
    test(behaviour, async () => {
      await using subject = await open();
      await run(subject.store, subject);
    });

  describe(`blob store contract: ${name}`, () => {
    testStore('what is staged in chunks is published whole, read in ranges, and survives', async (store, subject) => {
      const content = randomBytes(3 * 1024 * 1024 + 17);
      const key = await publish(store, content, [1, 100_000, 2 * 1024 * 1024]);
      expect(await store.size(key)).toBe(content.length);
      expect(await bytes(store, key, 0, content.length - 1)).toEqual(content);
      expect(await bytes(store, key, 100, 199)).toEqual(content.subarray(100, 200));
      expect(await bytes(store, key, content.length - 1, content.length - 1)).toEqual(content.subarray(-1));
      const reopened = await subject.reopen();
      expect(digestOf(await bytes(reopened, key, 0, content.length - 1))).toBe(digestOf(content));
    });

    testStore('the id that it was given survives, and may be given anew', async (store, subject) => {
      expect(await store.id()).toBeUndefined();
      await store.setId('first');
      await store.setId('second');
      expect(await store.id()).toBe('second');
      expect(await (await subject.reopen()).id()).toBe('second');
      expect(await Array.fromAsync(store.objects())).toEqual([]);
    });

    testStore('staging resumes at an offset, and cuts off what lies behind it', async (store, subject) => {
      const upload = newUpload();
      const begun = await stage(store, upload, empty, Buffer.from('hello, '));
      // Nobody was told of it.
      await stage(store, upload, { length: 7, mark: begun }, Buffer.from('wrong'));
      expect((await store.staged(upload))?.size).toBe(12);
      const mark = await stage(await subject.reopen(), upload, { length: 7, mark: begun }, Buffer.from('world'));
      expect((await store.staged(upload, mark))?.size).toBe(12);
      expect((await stagedBytes(store, upload, { length: 12, mark }, 0, 12)).toString()).toBe('hello, world');
      expect((await stagedBytes(store, upload, { length: 12, mark }, 7, 9)).toString()).toBe('wo');
      const staging = (await store.stage(upload, 12, mark))!;
      const key = await staging.publish(digestOf('hello, world'));
      await staging.close();
      await store.release(upload, key, mark);
      expect(await store.staged(upload, mark)).toBeUndefined();
      expect((await bytes(store, key, 0, 11)).toString()).toBe('hello, world');
    });

    testStore('staging begins anew at 0', async (store) => {
      const upload = newUpload();
      const mark = await stage(store, upload, empty, randomBytes(1000));
      const again = await stage(store, upload, { length: 0, mark }, Buffer.from('x'));
      expect((await store.staged(upload, again))?.size).toBe(1);
    });

    testStore('fewer bytes than the offset are no staging area to go on with', async (store) => {
      const upload = newUpload();
      expect(await store.stage(upload, 1)).toBeUndefined();
      expect(await store.staged(upload)).toBeUndefined();
      const mark = await stage(store, upload, empty, Buffer.from('abc'));
      expect(await store.stage(upload, 4, mark)).toBeUndefined();
      expect((await store.staged(upload))?.size).toBe(3);
    });

    testStore('what was written is readable, or known to be on its way, in order', async (store) => {
      const { readStaged } = store;
      if (!readStaged) return;
      const upload = newUpload();
      const content = randomBytes(2_000_000);
      const staging = (await store.stage(upload, 0))!;
      for (let at = 0; at < content.length; at += 70_000) {
        const busy = staging.write(content.subarray(at, at + 70_000));
        if (at % 3 === 0) await busy;
        const readable = staging.readable();
        const onItsWay = staging.unreadable();
        const stored = readable === 0 ? [] : [await collect(readStaged(upload, 0, readable))];
        const known = Buffer.concat([...stored, ...onItsWay]);
        expect(known.equals(content.subarray(0, Math.min(content.length, at + 70_000)))).toBe(true);
      }
      await staging.sync();
      expect(staging.readable()).toBe(content.length);
      expect(staging.unreadable()).toEqual([]);
      await staging.close();
    });

    testStore('what is sealed can be read, published, or gone back behind', async (store) => {
      const [upload, content] = [newUpload(), randomBytes(1_000_000)];
      const mark = await stage(store, upload, empty, content.subarray(0, 400_000));
      const wrong = (await store.stage(upload, 400_000, mark))!;
      await wrong.write(randomBytes(500_000));
      const readWrong = await wrong.seal();
      expect(wrong.readable()).toBe(900_000);
      expect((await collect(readWrong(0, 900_000))).subarray(0, 400_000)).toEqual(content.subarray(0, 400_000));
      await wrong.revert();
      await wrong.close();
      const right = (await store.stage(upload, 400_000, mark))!;
      await right.write(content.subarray(400_000));
      const read = await right.seal();
      expect(await collect(read(0, 1_000_000))).toEqual(content);
      expect(await collect(read(399_990, 400_010))).toEqual(content.subarray(399_990, 400_010));
      const key = await right.publish(digestOf(content));
      await right.close();
      expect(await bytes(store, key, 0, 999_999)).toEqual(content);
    });

    testStore('reverting gives back what was written since it was opened', async (store) => {
      const upload = newUpload();
      const mark = await stage(store, upload, empty, Buffer.from('kept'));
      const staging = (await store.stage(upload, 4, mark))!;
      await staging.write(randomBytes(3_000_000));
      await staging.revert();
      await staging.close();
      expect((await store.staged(upload))?.size).toBe(4);
    });

    testStore('an empty object', async (store) => {
      const key = await publish(store, Buffer.alloc(0));
      expect(await store.size(key)).toBe(0);
    });

    testStore('the same content published twice has two keys; removing one leaves the other', async (store) => {
      const content = randomBytes(1000);
      const [first, second] = await Promise.all([publish(store, content), publish(store, content)]);
      expect(first).not.toBe(second);
      await store.remove([first]);
      expect(await store.size(first)).toBeUndefined();
      expect(await bytes(store, second, 0, 999)).toEqual(content);
    });

    testStore('many are removed at once, with some that are missing', async (store) => {
      const keys = await Promise.all(Array.from({ length: 20 }, () => publish(store, randomBytes(10))));
      await store.remove([keys[2]!]);
      await store.remove([...keys.slice(1), keys[1]!]);
      expect((await Array.fromAsync(store.objects())).map(({ key }) => key)).toEqual([keys[0]!]);
      await store.remove([]);
    });

    testStore('what was published is found by its upload and its digest', async (store) => {
      const { published } = store;
      if (!published) return;
      const upload = newUpload();
      await stage(store, upload, empty, Buffer.from('x'));
      expect(await published(upload, digestOf('x'))).toBeUndefined();
      const staging = (await store.stage(upload, 1))!;
      const key = await staging.publish(digestOf('x'));
      await staging.close();
      expect(await published(upload, digestOf('x'))).toEqual({ key, size: 1 });
      expect(await published(upload, digestOf('y'))).toBeUndefined();
    });

    testStore(
      'without a digest, discarding takes all that was published of an upload but what is in use',
      async (store) => {
        if (store.published) return;
        const upload = newUpload();
        const keys: string[] = [];
        for (const text of ['a', 'another', 'the last']) {
          const staging = (await store.stage(upload, 0))!;
          await staging.write(Buffer.from(text));
          keys.push(await staging.publish(digestOf(text)));
          await staging.close();
        }
        expect(await Promise.all(keys.map((key) => store.size(key)))).toEqual([1, 7, 8]);
        await store.discard(upload, async (named) => new Set(named.filter((key) => key === keys[1])), true);
        expect(await Promise.all(keys.map((key) => store.size(key)))).toEqual([undefined, 7, undefined]);
        // More may come, so it is still listed.
        expect((await Array.fromAsync(store.uploads())).map((area) => area.upload)).toEqual([upload]);
        await store.release(upload, keys[1]!, null);
        expect((await Array.fromAsync(store.uploads())).map((area) => area.upload)).toEqual([upload]);
        await store.discard(upload, unused);
        expect(await Array.fromAsync(store.uploads())).toEqual([]);
        expect(await Array.fromAsync(store.objects())).toEqual([]);
      },
    );

    testStore('what was published and not recorded becomes a staging area again', async (store, subject) => {
      const upload = newUpload();
      const mark = await stage(store, upload, empty, Buffer.from('hello'));
      const staging = (await store.stage(upload, 5, mark))!;
      const key = await staging.publish(digestOf('hello'));
      await staging.close();
      const later = await subject.reopen();
      await later.unpublish(upload, digestOf('another'));
      expect(await later.size(key)).toBe(5);
      await later.unpublish(upload, digestOf('hello'));
      await later.unpublish(upload, digestOf('hello'));
      expect((await Array.fromAsync(later.uploads())).map((area) => area.upload)).toEqual([upload]);
      const more = await stage(later, upload, { length: 5, mark }, Buffer.from(' world'));
      expect((await stagedBytes(later, upload, { length: 11, mark: more }, 0, 11)).toString()).toBe('hello world');
      const again = (await later.stage(upload, 11, more))!;
      const whole = await again.publish(digestOf('hello world'));
      await again.close();
      expect((await bytes(later, whole, 0, 10)).toString()).toBe('hello world');
    });

    testStore('discarding what is not there is fine; there are no staged bytes to go on with then', async (store) => {
      const upload = newUpload();
      await store.discard(upload, unused);
      expect(await store.stage(upload, 1)).toBeUndefined();
      const mark = await stage(store, upload, empty, Buffer.from('x'));
      await store.discard(upload, unused);
      expect(await store.staged(upload)).toBeUndefined();
      expect(await store.stage(upload, 1, mark)).toBeUndefined();
      if (store.readStaged) await expect(collect(store.readStaged(upload, 0, 1))).rejects.toThrow();
    });

    testStore('an object that is missing has no size, and reading it throws', async (store) => {
      const key = await publish(store, Buffer.from('hello'));
      await store.remove([key]);
      expect(await store.size(key)).toBeUndefined();
      await expect(bytes(store, key, 0, 4)).rejects.toThrow();
    });

    testStore('lists objects with their digests and uploads, and staging areas with their sizes', async (store) => {
      const published = new Map<string, Digest>();
      for (let at = 0; at < 20; at++) {
        const content = randomBytes(10 + at);
        const algorithm = at % 2 ? 'sha512' : 'sha256';
        published.set(await publish(store, content, [], algorithm), digestOf(content, algorithm));
      }
      const upload = newUpload();
      await stage(store, upload, empty, Buffer.from('abc'));
      const objects = await Array.fromAsync(store.objects());
      expect(new Map(objects.map(({ key, digest }) => [key, digest]))).toEqual(published);
      for (const object of objects) expect(object.key).toContain(object.upload);
      const uploads = await Array.fromAsync(store.uploads());
      expect(uploads).toEqual([{ upload, size: 3, changedAt: expect.any(Number) }]);
      expect(Math.abs(uploads[0]!.changedAt - Date.now())).toBeLessThan(60_000);
    });

    testStore('many uploads at once keep their bytes apart', async (store) => {
      const contents = Array.from({ length: 40 }, () => randomBytes(200_000));
      const keys = await Promise.all(contents.map((content) => publish(store, content, [1000, 90_000])));
      for (const [at, key] of keys.entries()) {
        expect(digestOf(await bytes(store, key, 0, 199_999))).toBe(digestOf(contents[at]!));
      }
    });
  });
}

const unused = async () => new Set<string>();

export const newUpload = () => randomBytes(16).toString('hex');

async function writeAll(staging: Staging, content: Uint8Array, cuts: number[]): Promise<void> {
  let from = 0;
  for (const to of [...cuts.filter((cut) => cut < content.length), content.length]) {
    if (to > from) await staging.write(new Uint8Array(content.subarray(from, to)));
    from = to;
  }
}

/** What facts know of a staging area. */
interface Staged {
  length: number;
  mark: string | null;
}

export const empty: Staged = { length: 0, mark: null };

/** Stages bytes behind those of which facts know, cut into chunks at the given places, and syncs; returns the mark. */
export async function stage(
  store: BlobStore,
  upload: string,
  { length, mark }: Staged,
  content: Uint8Array,
  cuts: number[] = [],
): Promise<string | null> {
  const staging = (await store.stage(upload, length, mark))!;
  await writeAll(staging, content, cuts);
  await staging.sync();
  await staging.close();
  return staging.mark;
}

/** Publishes content as a single request does; returns its key. */
export async function publish(
  store: BlobStore,
  content: Uint8Array,
  cuts: number[] = [],
  algorithm: DigestAlgorithm = 'sha256',
): Promise<string> {
  const staging = (await store.stage(newUpload(), 0))!;
  await writeAll(staging, content, cuts);
  const key = await staging.publish(digestOf(content, algorithm));
  await staging.close();
  return key;
}

async function bytes(store: BlobStore, key: string, start: number, end: number): Promise<Buffer> {
  return Buffer.from(await new Response(await store.read(key, start, end)).bytes());
}

/** Staged bytes `start` to `end` (exclusive), as a request finds them that goes on and seals the area. */
async function stagedBytes(
  store: BlobStore,
  upload: string,
  { length, mark }: Staged,
  start: number,
  end: number,
): Promise<Buffer> {
  const staging = (await store.stage(upload, length, mark))!;
  const staged = await collect((await staging.seal())(start, end));
  await staging.revert();
  await staging.close();
  return staged;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

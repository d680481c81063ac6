import { describe, expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { type Digest, digestOf } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';

export interface StoreUnderTest extends AsyncDisposable {
  store: BlobStore;
  /** The same bytes through a new store, as after a restart. */
  reopen(): Promise<BlobStore>;
}

/** What every blob store must do. An implementation joins by one call with its constructor. */
export function testBlobStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`blob store contract: ${name}`, () => {
    test('what is staged in chunks is published whole and read in ranges', async () => {
      await using subject = await open();
      const { store } = subject;
      const content = randomBytes(3 * 1024 * 1024 + 17);
      const digest = digestOf(content);
      const key = await publish(store, content, [1, 100_000, 2 * 1024 * 1024]);
      expect(await store.size(key)).toBe(content.length);
      expect(await bytes(store, key, 0, content.length - 1)).toEqual(content);
      expect(await bytes(store, key, 100, 199)).toEqual(content.subarray(100, 200));
      expect(await bytes(store, key, content.length - 1, content.length - 1)).toEqual(content.subarray(-1));
      const reopened = await subject.reopen();
      expect(digestOf(await bytes(reopened, key, 0, content.length - 1))).toBe(digest);
    });

    test('staging resumes at an offset, and cuts off what lies behind it', async () => {
      await using subject = await open();
      const { store } = subject;
      const upload = newUpload();
      await stage(store, upload, 0, Buffer.from('hello, wrong'));
      expect((await store.staged(upload))?.size).toBe(12);
      await stage(store, upload, 7, Buffer.from('world'));
      expect((await collect(store.readStaged(upload, 0, 12))).toString()).toBe('hello, world');
      expect((await collect(store.readStaged(upload, 7, 9))).toString()).toBe('wo');
      const key = await store.publish(upload, digestOf('hello, world'));
      expect(await store.staged(upload)).toBeUndefined();
      expect((await bytes(store, key, 0, 11)).toString()).toBe('hello, world');
    });

    test('staging begins anew at 0', async () => {
      await using subject = await open();
      const upload = newUpload();
      await stage(subject.store, upload, 0, randomBytes(1000));
      await stage(subject.store, upload, 0, Buffer.from('x'));
      expect((await subject.store.staged(upload))?.size).toBe(1);
    });

    test('an empty object', async () => {
      await using subject = await open();
      const key = await publish(subject.store, Buffer.alloc(0), []);
      expect(await subject.store.size(key)).toBe(0);
    });

    test('the same content published twice has two keys; removing one leaves the other', async () => {
      await using subject = await open();
      const { store } = subject;
      const content = randomBytes(1000);
      const [first, second] = await Promise.all([publish(store, content, []), publish(store, content, [])]);
      expect(first).not.toBe(second);
      await store.remove(first!);
      expect(await store.size(first!)).toBeUndefined();
      expect(await bytes(store, second!, 0, 999)).toEqual(content);
    });

    test('the key is known before the bytes are published', async () => {
      await using subject = await open();
      const upload = newUpload();
      await stage(subject.store, upload, 0, Buffer.from('x'));
      const key = subject.store.keyOf(upload, digestOf('x'));
      expect(await subject.store.size(key)).toBeUndefined();
      expect(await subject.store.publish(upload, digestOf('x'))).toBe(key);
      expect(await subject.store.size(key)).toBe(1);
    });

    test('removing and discarding what is not there is fine; reading staged bytes that are not there throws', async () => {
      await using subject = await open();
      const { store } = subject;
      await store.discard(newUpload());
      await store.remove(store.keyOf(newUpload(), digestOf('never')));
      expect(await store.staged(newUpload())).toBeUndefined();
      await expect(collect(store.readStaged(newUpload(), 0, 1))).rejects.toThrow();
      await expect(store.publish(newUpload(), digestOf('never'))).rejects.toThrow();
    });

    test('lists objects with their digests, and uploads with their sizes', async () => {
      await using subject = await open();
      const { store } = subject;
      const keys = new Map<string, Digest>();
      for (let at = 0; at < 20; at++) {
        const content = randomBytes(10 + at);
        const algorithm = at % 2 ? 'sha512' : 'sha256';
        keys.set(await publish(store, content, [], algorithm), digestOf(content, algorithm));
      }
      const open1 = newUpload();
      await stage(store, open1, 0, Buffer.from('abc'));
      const found = await Array.fromAsync(store.objects());
      expect(new Map(found.map(({ key, digest }) => [key, digest]))).toEqual(keys as Map<string, Digest | undefined>);
      const uploads = await Array.fromAsync(store.uploads());
      expect(uploads.map(({ upload, size }) => ({ upload, size }))).toEqual([{ upload: open1, size: 3 }]);
      expect(Math.abs(uploads[0]!.changedAt - Date.now())).toBeLessThan(60_000);
    });

    test('many uploads at once keep their bytes apart', async () => {
      await using subject = await open();
      const { store } = subject;
      const contents = Array.from({ length: 40 }, () => randomBytes(200_000));
      const keys = await Promise.all(contents.map((content) => publish(store, content, [1000, 90_000])));
      for (const [at, key] of keys.entries()) {
        expect(digestOf(await bytes(store, key, 0, 199_999))).toBe(digestOf(contents[at]!));
      }
    });
  });
}

export const newUpload = () => randomBytes(16).toString('hex');

/** Stages bytes from an offset on, cut into chunks at the given places, and syncs. */
export async function stage(
  store: BlobStore,
  upload: string,
  offset: number,
  content: Uint8Array,
  cuts: number[] = [],
): Promise<void> {
  const writer = await store.stage(upload, offset);
  let from = 0;
  for (const to of [...cuts.filter((cut) => cut < content.length), content.length]) {
    await writer.write(content.subarray(from, to));
    from = to;
  }
  await writer.sync({ resumable: true });
  await writer.close();
}

async function publish(
  store: BlobStore,
  content: Uint8Array,
  cuts: number[],
  algorithm: 'sha256' | 'sha512' = 'sha256',
): Promise<string> {
  const upload = newUpload();
  await stage(store, upload, 0, content, cuts);
  return store.publish(upload, `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`);
}

async function bytes(store: BlobStore, key: string, start: number, end: number): Promise<Buffer> {
  return Buffer.from(await store.read(key, start, end).arrayBuffer());
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

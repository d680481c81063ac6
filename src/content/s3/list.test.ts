import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { startS3 } from '../../../test/support/s3.ts';
import { openTestS3Store, testPartBytes as part } from '../../../test/support/storage.ts';
import { digestOf } from '../../oci/index.ts';
import { newUpload, publish } from '../blob-store.contract.ts';
import { openS3Calls, type Source } from './calls.ts';

const sourceOf = (bytes: Uint8Array): Source => ({
  length: bytes.length,
  stream: () => new Blob([new Uint8Array(bytes)]).stream(),
});
const read = async (store: Awaited<ReturnType<typeof openBucket>>['store'], key: string, size: number) =>
  Buffer.from(await new Response(await store.read(key, 0, size - 1)).bytes());

/** A store, and its bucket past it. */
async function openBucket() {
  const opened = await openTestS3Store();
  const calls = await openS3Calls({
    bucket: opened.bucket,
    prefix: '',
    endpoint: (await startS3()).endpoint,
    pathStyle: true,
    encryption: { mode: 'none' },
    requestTimeoutMs: 10_000,
  });
  return { ...opened, calls };
}

/** As versions before the first release stored blobs of any size. */
async function storeAsBefore({ calls }: Awaited<ReturnType<typeof openBucket>>, bytes: Uint8Array) {
  const upload = newUpload();
  const key = `${upload}.${digestOf(bytes).replace(':', '-')}`;
  await calls.put(`blobs/${upload}`, sourceOf(bytes), { run: '0'.repeat(16) });
  await calls.put(`blobs/${key}`, undefined);
  return { upload, key, digest: digestOf(bytes) };
}

test('blobs of earlier versions are read, listed, removed and discarded as they are', async () => {
  await using on = await openBucket();
  const bytes = randomBytes(3000);
  const [kept, removed, unknown] = [
    await storeAsBefore(on, bytes),
    await storeAsBefore(on, bytes),
    await storeAsBefore(on, bytes),
  ];
  const empty = await storeAsBefore(on, new Uint8Array());
  expect(await on.store.size(kept.key)).toBe(3000);
  expect(await on.store.size(empty.key)).toBe(0);
  expect((await read(on.store, kept.key, 3000)).equals(bytes)).toBe(true);
  const listed = await Array.fromAsync(on.store.objects());
  expect(listed.toSorted((a, b) => a.key.localeCompare(b.key))).toEqual(
    [kept, removed, unknown, empty].toSorted((a, b) => a.key.localeCompare(b.key)),
  );
  await on.store.remove([removed.key, empty.key]);
  await on.store.discard(kept.upload, async (keys) => new Set(keys.filter((key) => key === kept.key)));
  await on.store.discard(unknown.upload, async () => new Set());
  expect(await on.everything()).toEqual([`blobs/${kept.upload}`, `blobs/${kept.key}`]);
});

test('an upload that an earlier version began, and one whose state cannot be read, count as missing and are swept', async () => {
  await using on = await openBucket();
  const { store, calls } = on;
  const [before, unreadable] = [newUpload(), newUpload()];
  const multipart = await calls.create(`blobs/${before}`);
  await calls.putPart(`blobs/${before}`, multipart, 1, sourceOf(randomBytes(part)));
  const head = { 'part-bytes': String(part), parts: '1' };
  await calls.put(`uploads/${before}`, sourceOf(randomBytes(1000)), { ...head, multipart, mark: 'one' });
  await calls.put(`uploads/${unreadable}.${'1'.repeat(16)}`, sourceOf(randomBytes(1000)), head);
  expect(await store.stage(before, part + 1000, 'one')).toBeUndefined();
  expect(await store.stage(unreadable, part + 1000, '1'.repeat(16))).toBeUndefined();
  expect(await store.stage(unreadable, 1000, '1'.repeat(16))).toBeUndefined();
  const uploads = await Array.fromAsync(store.uploads());
  expect(uploads.map(({ upload }) => upload).toSorted()).toEqual([before, unreadable].toSorted());
  for (const { upload } of uploads) await store.discard(upload, async () => new Set());
  expect(await on.everything()).toEqual([]);
});

test('an upload is listed once, by its largest state, with the time of the latest', async () => {
  await using on = await openBucket();
  const { store, calls } = on;
  const upload = newUpload();
  const state = { 'part-bytes': String(part), parts: '0' };
  await calls.put(`uploads/${upload}.${'f'.repeat(16)}`, sourceOf(randomBytes(20)), state);
  // Times are in seconds.
  await Bun.sleep(1100);
  await calls.put(`uploads/${upload}.${'0'.repeat(16)}`, sourceOf(randomBytes(10)), state);
  await calls.put(`uploads/${upload}.ended`, undefined);
  const ended = newUpload();
  await calls.put(`uploads/${ended}.ended`, undefined);
  const areas = await Array.fromAsync(store.uploads());
  expect(areas.toSorted((a, b) => b.size - a.size).map(({ upload: id, size }) => [id, size])).toEqual([
    [upload, 20],
    [ended, 0],
  ]);
  const latest = await store.staged(upload, '0'.repeat(16));
  expect(latest?.size).toBe(10);
  expect(areas.find((area) => area.upload === upload)!.changedAt).toBeGreaterThanOrEqual(latest!.changedAt);
  expect(await store.staged(upload)).toEqual(expect.objectContaining({ size: 20 }));
});

test('only what this store made is listed: the later of two names, no name without an object, nobody else’s keys', async () => {
  await using on = await openBucket();
  const { store, calls } = on;
  const large = await publish(store, randomBytes(part + 1));
  const [content] = large.split('.');
  const again = `${content}.sha512-${'ab'.repeat(64)}`;
  // Times are in seconds.
  await Bun.sleep(1100);
  await calls.put(`blobs/${again}`, undefined);
  const upload = newUpload();
  for (const name of [
    `${upload}.${digestOf('x').replace(':', '-')}`,
    `${upload}-0123456789abcdef.${digestOf('x').replace(':', '-')}`,
    `${upload}-sha256-${'ab'.repeat(64)}`,
    `${upload}-sha256-${'AB'.repeat(32)}`,
    `${upload}-md5-${'ab'.repeat(16)}`,
    `${upload}-0123`,
    `${upload}.tmp`,
    upload.slice(1),
    'README',
  ])
    await calls.put(`blobs/${name}`, sourceOf(Buffer.from('x')));
  const unnamed = newUpload();
  await calls.put(`blobs/${unnamed}-0123456789abcdef`, sourceOf(Buffer.from('x')));
  const listed = await Array.fromAsync(store.objects());
  expect(listed).toContainEqual({ key: again, upload: content!.slice(0, 32), digest: `sha512:${'ab'.repeat(64)}` });
  expect(listed).toContainEqual({ key: `${unnamed}-0123456789abcdef`, upload: unnamed, digest: undefined });
  expect(listed).toHaveLength(2);
});

import { expect, test } from 'bun:test';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase } from '../../test/support/database.ts';
import type { RegistryError } from '../errors/index.ts';
import { type Digest, digestOf } from '../oci/index.ts';
import { createFileStore } from './file-store.ts';
import type { UploadBody } from './receive.ts';
import { findBlob, recordBlob } from './store.ts';
import { sweepStaging, sweepUploads } from './sweep.ts';
import { contentMigrations } from './tables.ts';
import { createUploads, type LinkBlob } from './uploads.ts';

const owner = { registryId: 1, repository: 'team/app', creator: 'somebody' };
const limits = { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40 };

async function openUploads(overrides: Partial<typeof limits> = {}) {
  const data = await mkdtemp(join(tmpdir(), 'bonded-uploads-'));
  const db = await openTestDatabase(contentMigrations);
  const store = await createFileStore(data);
  const create = () => createUploads(db, store, { ...limits, ...overrides });
  const link: LinkBlob = (tx, blob) => recordBlob(db, tx, { ...blob, now: Date.now() });
  const uploads = create();
  return {
    db,
    store,
    uploads,
    link,
    /** The same facts and bytes in another process: no live hashers. */
    elsewhere: create,
    find: (id: string) => uploads.find(id, owner),
    async left() {
      const rows = await db.all<{ id: string }>('SELECT id FROM uploads', []);
      const staged = await Array.fromAsync(store.uploads());
      const objects = await Array.fromAsync(store.objects());
      return { sessions: rows.length, staged: staged.length, objects: objects.length };
    },
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

function bodyOf(...chunks: (Uint8Array | string)[]): UploadBody {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Buffer.from(chunk as string));
      controller.close();
    },
  });
  return { stream, length: undefined };
}

function brokenBody(before: Uint8Array): UploadBody {
  let sent = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) controller.error(new Error('connection reset'));
      else controller.enqueue(before);
      sent = true;
    },
  });
  return { stream, length: before.length + 1000 };
}

async function codeOf(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => 'none',
    (error: RegistryError) => `${error.status} ${error.code}`,
  );
}

async function content(store: Awaited<ReturnType<typeof openUploads>>['store'], key: string): Promise<Buffer> {
  return Buffer.from(await store.read(key, 0, (await store.size(key))! - 1).arrayBuffer());
}

for (const algorithm of ['sha256', 'sha512'] as const) {
  test(`a ${algorithm} blob in one request, and in chunks whose end is known already`, async () => {
    await using rig = await openUploads();
    const bytes = randomBytes(300_000);
    const digest = digestOf(bytes, algorithm);
    const whole = await rig.uploads.put(owner, bodyOf(bytes), digest, rig.link);
    expect(await content(rig.store, whole.key)).toEqual(bytes);
    expect(await findBlob(rig.db, digest)).toEqual({ key: whole.key, size: bytes.length });

    const other = randomBytes(300_000);
    const id = await rig.uploads.open(owner, algorithm);
    expect(await rig.uploads.append(await rig.find(id), bodyOf(other.subarray(0, 100_000)), 0)).toBe(100_000);
    expect(await rig.uploads.append(await rig.find(id), bodyOf(other.subarray(100_000)), undefined)).toBe(300_000);
    const closed = await rig.uploads.close(await rig.find(id), undefined, digestOf(other, algorithm), rig.link);
    expect(await content(rig.store, closed.key)).toEqual(other);
    expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 2 });
  });
}

test('lesson 6: the digest may turn out to be of another algorithm than was foreseen', async () => {
  await using rig = await openUploads();
  const bytes = randomBytes(200_000);
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf(bytes.subarray(0, 150_000)), undefined);
  const last = bodyOf(bytes.subarray(150_000));
  const closed = await rig.uploads.close(await rig.find(id), last, digestOf(bytes, 'sha512'), rig.link);
  expect(await content(rig.store, closed.key)).toEqual(bytes);
});

test('lesson 5: a session goes on in another process, which hashes what came before', async () => {
  await using rig = await openUploads();
  const bytes = randomBytes(900_000);
  const id = await rig.uploads.open(owner, 'sha256');
  let at = 0;
  for (const end of [250_000, 600_000, 900_000]) {
    const node = rig.elsewhere();
    expect(await node.append(await rig.find(id), bodyOf(bytes.subarray(at, end)), at)).toBe(end);
    at = end;
  }
  await rig.elsewhere().close(await rig.find(id), undefined, digestOf(bytes), rig.link);
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 1 });
});

test('lesson 3: what a broken body delivered is kept, and the session goes on', async () => {
  await using rig = await openUploads();
  const bytes = randomBytes(100_000);
  const id = await rig.uploads.open(owner, 'sha256');
  expect(await codeOf(rig.uploads.append(await rig.find(id), brokenBody(bytes.subarray(0, 60_000)), 0))).toBe(
    '400 BLOB_UPLOAD_INVALID',
  );
  expect((await rig.find(id)).offset).toBe(60_000);
  await rig.uploads.append(await rig.find(id), bodyOf(bytes.subarray(60_000)), 60_000);
  await rig.uploads.close(await rig.find(id), undefined, digestOf(bytes), rig.link);
});

test('a body shorter than its Content-Length is not taken for whole', async () => {
  await using rig = await openUploads();
  const body = { ...bodyOf('abc'), length: 4 };
  expect(await codeOf(rig.uploads.put(owner, body, digestOf('abc'), rig.link))).toBe('400 BLOB_UPLOAD_INVALID');
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 0 });
});

test('lesson 7: a wrong digest leaves the session as it was', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf('hello '), undefined);
  const wrong = digestOf('something else');
  expect(await codeOf(rig.uploads.close(await rig.find(id), bodyOf('WRONG'), wrong, rig.link))).toBe('400 DIGEST_INVALID');
  expect(await codeOf(rig.uploads.close(await rig.find(id), undefined, wrong, rig.link))).toBe('400 DIGEST_INVALID');
  // Also where no further body comes: the refused one lies behind the offset and is cut off.
  const closed = await rig.uploads.close(await rig.find(id), undefined, digestOf('hello '), rig.link);
  expect((await content(rig.store, closed.key)).toString()).toBe('hello ');
});

test('an upload that begins anew at 0 forgets the digest before it overwrites the bytes', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf('a long first attempt'), undefined);
  const before = await rig.find(id);
  // The crash: the new attempt is staged, and nothing more is recorded.
  const crashing = createUploads(rig.db, { ...rig.store, stage: () => Promise.reject(new Error('crash')) }, limits);
  await crashing.append(before, bodyOf('new'), 0).catch(() => {});
  expect(await rig.find(id)).toMatchObject({ offset: 0, digest: null });
  await rig.uploads.append(await rig.find(id), bodyOf('new'), 0);
  await rig.uploads.close(await rig.find(id), undefined, digestOf('new'), rig.link);
});

test('staged bytes that are gone are never published under the digest that was recorded', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf('hello'), undefined);
  const writer = await rig.store.stage(id, 2);
  await writer.close();
  const digest = digestOf('hello');
  expect(await codeOf(rig.uploads.close(await rig.find(id), undefined, digest, rig.link))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await findBlob(rig.db, digest)).toBeUndefined();
});

test('lesson 10: the same content from many at once is one blob, and every other copy goes', async () => {
  await using rig = await openUploads();
  const bytes = randomBytes(50_000);
  const digest = digestOf(bytes);
  const done = await Promise.all(Array.from({ length: 30 }, () => rig.uploads.put(owner, bodyOf(bytes), digest, rig.link)));
  expect(new Set(done.map(({ key }) => key)).size).toBe(1);
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 1 });
});

test('lesson 12: an empty blob, with and without a body', async () => {
  await using rig = await openUploads();
  await rig.uploads.put(owner, undefined, digestOf(''), rig.link);
  const id = await rig.uploads.open(owner, 'sha256');
  const closed = await rig.uploads.close(await rig.find(id), bodyOf(), digestOf(''), rig.link);
  expect(await rig.store.size(closed.key)).toBe(0);
});

test('lesson 13: a session is unknown to another repository, registry and creator', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  for (const other of [{ repository: 'team/other' }, { registryId: 2 }, { creator: 'somebody else' }]) {
    expect(await codeOf(rig.uploads.find(id, { ...owner, ...other }))).toBe('404 BLOB_UPLOAD_UNKNOWN');
  }
  expect(await codeOf(rig.uploads.find("' OR 1=1 --", owner))).toBe('404 BLOB_UPLOAD_UNKNOWN');
});

test('a second writer of the same session is refused while the first one writes', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  const session = await rig.find(id);
  let finish = () => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('first'));
      finish = () => controller.close();
    },
  });
  const first = rig.uploads.append(session, { stream, length: undefined }, undefined);
  expect(await codeOf(rig.uploads.append(session, bodyOf('second'), undefined))).toBe('409 BLOB_UPLOAD_INVALID');
  finish();
  expect(await first).toBe(5);
});

test('a chunk that does not begin where the session ends is refused and nothing is lost', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf('12345'), undefined);
  for (const start of [3, 6]) {
    expect(await codeOf(rig.uploads.append(await rig.find(id), bodyOf('x'), start))).toBe('416 RANGE_INVALID');
  }
  expect((await rig.find(id)).offset).toBe(5);
});

test('cancelling ends a session, also one that is being written', async () => {
  await using rig = await openUploads();
  const id = await rig.uploads.open(owner, 'sha256');
  let finish = () => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('first'));
      finish = () => controller.close();
    },
  });
  const writing = codeOf(rig.uploads.append(await rig.find(id), { stream, length: undefined }, undefined));
  await Bun.sleep(20);
  await rig.uploads.cancel(id);
  finish();
  expect(await writing).toBe('404 BLOB_UPLOAD_UNKNOWN');
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 0 });
});

test('a silent body and a slow one are given up in time, an endless one at the limit', async () => {
  await using rig = await openUploads({ stallMs: 100, minBytesPerSecond: 10_000, maxBytes: 1_000_000 });
  const silent = new ReadableStream<Uint8Array>({ start: (controller) => controller.enqueue(Buffer.from('x')) });
  const slow = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(10);
      controller.enqueue(Buffer.from('x'));
    },
  });
  const endless = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(randomBytes(65_536)) });
  const started = performance.now();
  for (const [stream, code] of [
    [silent, '408 BLOB_UPLOAD_INVALID'],
    [slow, '408 BLOB_UPLOAD_INVALID'],
    [endless, '413 SIZE_INVALID'],
  ] as const) {
    const id = await rig.uploads.open(owner, 'sha256');
    expect(await codeOf(rig.uploads.append(await rig.find(id), { stream, length: undefined }, undefined))).toBe(code);
    await rig.uploads.cancel(id);
  }
  expect(performance.now() - started).toBeLessThan(5000);
  const declared = { ...bodyOf('x'), length: 2_000_000 };
  expect(await codeOf(rig.uploads.put(owner, declared, digestOf('x'), rig.link))).toBe('413 SIZE_INVALID');
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 0 });
});

test('a disk that is full is told as such', async () => {
  await using rig = await openUploads();
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const uploads = createUploads(rig.db, { ...rig.store, stage: () => Promise.reject(full) }, limits);
  expect(await codeOf(uploads.put(owner, bodyOf('x'), digestOf('x'), rig.link))).toBe('507 INSUFFICIENT_STORAGE');
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 0 });
});

test('lesson 52: the sweep goes by last activity, and finds what a crash left at every step', async () => {
  await using rig = await openUploads();
  const digest: Digest = `sha256:${createHash('sha256').update('published').digest('hex')}`;
  // Died between publish and the fact.
  const dying = createUploads(rig.db, rig.store, limits);
  await dying.put(owner, bodyOf('published'), digest, () => Promise.reject(new Error('crash'))).catch(() => {});
  // Died in the middle of a PATCH, and an upload whose row did not survive.
  const id = await rig.uploads.open(owner, 'sha256');
  await rig.uploads.append(await rig.find(id), bodyOf('half'), undefined);
  const writer = await rig.store.stage('f'.repeat(32), 0);
  await writer.close();
  expect(await rig.left()).toEqual({ sessions: 2, staged: 2, objects: 1 });

  const earlier = Date.now() - 60_000;
  expect(await sweepUploads(rig.db, rig.store, earlier)).toBe(0);
  expect(await sweepStaging(rig.db, rig.store, earlier)).toBe(0);
  // Written to a moment ago, although its row is old.
  await rig.db.write((tx) => tx.updateTable('uploads').set({ active_at: 1 }).where('id', '=', id).execute());
  expect(await sweepUploads(rig.db, rig.store, earlier)).toBe(0);

  const later = Date.now() + 1000;
  expect(await sweepUploads(rig.db, rig.store, later)).toBe(2);
  expect(await sweepStaging(rig.db, rig.store, later)).toBe(1);
  expect(await rig.left()).toEqual({ sessions: 0, staged: 0, objects: 0 });
});

test('the sweep keeps an object whose fact was committed although the answer was lost', async () => {
  await using rig = await openUploads();
  const digest = digestOf('kept');
  const id = await rig.uploads.open(owner, 'sha256');
  const session = await rig.find(id);
  await rig.uploads.close(session, bodyOf('kept'), digest, rig.link);
  await rig.db.write((tx) => tx.insertInto('uploads').values({ ...session, closing: digest }).execute());
  await sweepUploads(rig.db, rig.store, Date.now() + 1000);
  const blob = await findBlob(rig.db, digest);
  expect(await rig.store.size(blob!.key)).toBe(4);
});

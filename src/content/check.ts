import { createHash } from 'node:crypto';
import type { Database } from '../database/index.ts';
import { type Digest, digestAlgorithm } from '../oci/index.ts';
import type { BlobStore, StoredObject } from './blob-store.ts';
import { type BlobRow, blobsAfter, findBlob, forgetBlobs, keysInUse, markDeleting, recordBlob } from './store.ts';
import { advanceUpload, findUpload, type UploadRow, uploadsAfter } from './upload-store.ts';

/** Something that facts and bytes disagree on. */
export interface Finding {
  /** What kind it is; stable, for scripts. */
  code: string;
  message: string;
  detail: Record<string, string | number>;
  /** Whether it was mended. */
  repaired: boolean;
}

export interface CheckOptions {
  repair: boolean;
  /** Reads every object and compares its digest. */
  verify: boolean;
  /** Makes blobs of objects that no fact names, instead of removing them. Without `repair` it only says so. */
  rebuild?: boolean;
  /** What changed within this time (ms) may belong to a request that was at work just now: it is the sweep's. */
  graceMs?: number;
}

const page = 500;
const parallel = 16;

/**
 * Compares the facts of this folder with the bytes. Half-done work that the server finishes by itself (a session that
 * is open, a publish whose fact is missing, a delete in its second phase) is no finding. Repairing needs the server
 * stopped; looking does not, as whatever seems wrong is looked at twice. Memory does not grow with what is stored.
 */
export async function* checkContent(db: Database, store: BlobStore, options: CheckOptions): AsyncGenerator<Finding> {
  yield* checkBlobs(db, store, options);
  yield* checkObjects(db, store, options);
  yield* checkUploads(db, store, options);
  yield* checkStaging(db, store, options);
}

/** Every live blob has its object. One that has not is unlisted, so that the next push of its content mends all. */
async function* checkBlobs(db: Database, store: BlobStore, options: CheckOptions): AsyncGenerator<Finding> {
  for (let after = 0; ;) {
    const rows = await blobsAfter(db, after, page);
    const looked = await inParallel(rows, (row) => checkBlob(db, store, row, options));
    for (const finding of looked) if (finding) yield finding;
    if (rows.length < page) return;
    after = rows.at(-1)!.id;
  }
}

async function checkBlob(
  db: Database,
  store: BlobStore,
  row: BlobRow,
  { repair, verify }: CheckOptions,
): Promise<Finding | undefined> {
  const { id, digest, key } = row;
  if (row.deleting) {
    if (!repair) return undefined;
    await store.remove([key]);
    await db.write((tx) => forgetBlobs(tx, [id]));
    return found('blob-deleting', 'the delete of this object was not finished', { digest, key }, true);
  }
  const problem = await damageOf(store, row, verify);
  if (!problem || (await findBlob(db, digest))?.key !== key) return undefined;
  if (repair) await db.write((tx) => markDeleting(tx, digest));
  return found(problem.code, problem.message, { digest, key, size: row.size, ...problem.detail }, repair);
}

interface Damage {
  code: 'blob-missing' | 'blob-size' | 'blob-digest';
  message: string;
  detail?: Record<string, string | number>;
}

async function damageOf(store: BlobStore, row: BlobRow, verify: boolean): Promise<Damage | undefined> {
  const { digest, key } = row;
  const size = await store.size(key);
  if (size === undefined) return { code: 'blob-missing', message: 'the bytes of this blob are missing' };
  if (size !== row.size) {
    return { code: 'blob-size', message: 'the object of this blob has another size', detail: { actual: size } };
  }
  const actual = verify ? await digestOfObject(store, key, size, digest) : digest;
  if (actual === digest) return undefined;
  return { code: 'blob-digest', message: 'the bytes of this blob have another digest', detail: { actual } };
}

/** Every object has its fact, or a session that is about to record it, or is left over and will be swept. */
async function* checkObjects(db: Database, store: BlobStore, options: CheckOptions): AsyncGenerator<Finding> {
  for await (const objects of inPages(store.objects())) {
    const keys = objects.map(({ key }) => key);
    const known = await keysInUse(db, keys);
    for (const object of objects) {
      if (known.has(object.key) || (await isClosing(db, store, object, options))) continue;
      const size = await store.size(object.key);
      if (size === undefined || (await keysInUse(db, [object.key])).has(object.key)) continue;
      yield await unknownObject(db, store, object, size, options);
    }
  }
}

async function isClosing(
  db: Database,
  store: BlobStore,
  { upload, digest }: StoredObject,
  { rebuild = false }: CheckOptions,
): Promise<boolean> {
  const session = await findUpload(db, upload);
  // Whatever else an earlier request published goes with the session, or with what it left. Without facts nothing says
  // which of them was a blob.
  if (!store.published) return session !== undefined || (!rebuild && (await store.staged(upload)) !== undefined);
  if (digest === undefined) return session !== undefined;
  return session?.closing === digest || session?.digest === digest;
}

async function unknownObject(
  db: Database,
  store: BlobStore,
  { key, digest }: StoredObject,
  size: number,
  { repair, rebuild = false }: CheckOptions,
): Promise<Finding> {
  const detail = { ...(digest && { digest }), key, size };
  if (!repair) return found('object-unknown', 'no fact names this object', detail, false);
  if (
    rebuild &&
    digest &&
    !(await findBlob(db, digest)) &&
    (await digestOfObject(store, key, size, digest)) === digest
  ) {
    await db.write((tx) => recordBlob(tx, { digest, size, key, now: Date.now() }));
    return found('object-adopted', 'this object, which no fact named, is a blob again', detail, true);
  }
  await store.remove([key]);
  return found('object-unknown', 'no fact named this object; it was removed', detail, true);
}

/** Every session has the bytes that were acknowledged. */
async function* checkUploads(db: Database, store: BlobStore, options: CheckOptions): AsyncGenerator<Finding> {
  for (let after = ''; ;) {
    const rows = await uploadsAfter(db, after, page);
    const looked = await inParallel(rows, (row) => checkUpload(db, store, row, options));
    for (const finding of looked) if (finding) yield finding;
    if (rows.length < page) return;
    after = rows.at(-1)!.id;
  }
}

async function checkUpload(
  db: Database,
  store: BlobStore,
  row: UploadRow,
  { repair }: CheckOptions,
): Promise<Finding | undefined> {
  const { id, offset } = row;
  if (offset === 0) return undefined;
  const staged = (await store.staged(id, row.mark))?.size ?? 0;
  if (staged >= offset) return undefined;
  for (const digest of [row.closing, row.digest]) {
    // Published, and not recorded: whoever continues the session brings it back.
    const blob = digest === null ? undefined : await store.published?.(id, digest as Digest);
    if (blob && blob.size >= offset) return undefined;
  }
  if ((await findUpload(db, id))?.offset !== offset) return undefined;
  // The digest that was recorded is of bytes that are gone. What is left is hashed again at the end.
  if (repair) await advanceUpload(db, row, { ...row, offset: staged, digest: null, broke_off: 0 });
  return found(
    'upload-short',
    'a session has fewer bytes than it acknowledged',
    { upload: id, offset, staged },
    repair,
  );
}

/** Every staging area has a session. */
async function* checkStaging(
  db: Database,
  store: BlobStore,
  { repair, graceMs = 3_600_000 }: CheckOptions,
): AsyncGenerator<Finding> {
  const before = Date.now() - graceMs;
  for await (const { upload, size, changedAt } of store.uploads()) {
    if (changedAt > before || (await findUpload(db, upload))) continue;
    if (repair) await store.discard(upload, (keys) => keysInUse(db, keys));
    yield found('staging-unknown', 'no session knows these staged bytes', { upload, size }, repair);
  }
}

async function digestOfObject(store: BlobStore, key: string, size: number, expected: Digest): Promise<Digest> {
  const algorithm = digestAlgorithm(expected);
  const hash = createHash(algorithm);
  if (size > 0) for await (const chunk of await readAll(store, key, size)) hash.update(chunk);
  return `${algorithm}:${hash.digest('hex')}`;
}

async function readAll(store: BlobStore, key: string, size: number): Promise<ReadableStream<Uint8Array>> {
  return new Response(await store.read(key, 0, size - 1)).body!;
}

function found(code: string, message: string, detail: Finding['detail'], repaired: boolean): Finding {
  return { code, message, detail, repaired };
}

async function inParallel<T, R>(items: readonly T[], look: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += parallel) {
    results.push(...(await Promise.all(items.slice(at, at + parallel).map(look))));
  }
  return results;
}

async function* inPages<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let gathered: T[] = [];
  for await (const item of items) {
    gathered.push(item);
    if (gathered.length < page) continue;
    yield gathered;
    gathered = [];
  }
  if (gathered.length > 0) yield gathered;
}

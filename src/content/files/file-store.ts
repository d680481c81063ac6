import { dirname, join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../../oci/index.ts';
import type { BlobStore, StoredObject } from '../blob-store.ts';
import { type FileSystem, nodeFileSystem, type OpenFile } from './file-system.ts';
import { createStagingFile } from './staging-file.ts';

/*
 * The data directory:
 *
 *   <data>/
 *   ├─ lock                          held by the one server that may write here
 *   ├─ bonded.db, -wal, -shm         facts (SQLite), unless PostgreSQL keeps them
 *   ├─ uploads/<uu>/<upload id>      staging: bytes that arrived, not yet a blob; <uu> are the id's first two digits
 *   ├─ blobs/id                      what the facts know this store by, so that an empty folder is not taken for it
 *   └─ blobs/<algorithm>/<aa>/<hex>-<upload id>
 *                                    content: <aa> are the first two digits of <hex>. The upload id makes each
 *                                    generation a file of its own; the name alone says what the file must hash to.
 *
 * Shards are made when they are first needed. Together they keep directories small: Bun reads one as a whole.
 */

const uploadPattern = /^[0-9a-f]{32}$/;
const objectPattern = /^([0-9a-f]{64}|[0-9a-f]{128})-([0-9a-f]{32})$/;
const shardPattern = /^[0-9a-f]{2}$/;
const algorithms = ['sha256', 'sha512'];

/**
 * Blobs as plain files. Order of a commit: data synced, renamed, directory synced, and only then may the caller record
 * the fact. Nothing is synced for the staging area's own name then, so after a power cut it may be back: without a
 * session, and swept.
 */
export async function createFileStore(data: string, fs: FileSystem = nodeFileSystem): Promise<BlobStore> {
  const uploads = join(data, 'uploads');
  const blobs = join(data, 'blobs');
  const staging = (upload: string) => join(uploads, upload.slice(0, 2), upload);
  const path = (key: string) => join(blobs, key);

  const prepared = new Map<string, Promise<void>>();
  /**
   * Makes a directory, durably, before anything is put into it. Once in the life of a process also where it exists:
   * the last one may have ended before the entry was durable.
   */
  function prepare(directory: string): Promise<void> {
    let made = prepared.get(directory);
    if (!made) {
      made = fs.mkdir(directory).then(() => fs.syncDirectory(dirname(directory)));
      prepared.set(directory, made);
      made.catch(() => prepared.delete(directory));
    }
    return made;
  }

  async function* shardsIn(directory: string): AsyncGenerator<string> {
    for await (const name of fs.list(directory)) if (shardPattern.test(name)) yield name;
  }

  await fs.mkdir(data);
  // The entry of the data directory belongs to whoever owns the one above, which may be closed to us.
  await fs.syncDirectory(dirname(data)).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw error;
  });
  for (const directory of [uploads, blobs, ...algorithms.map((algorithm) => join(blobs, algorithm))]) {
    await prepare(directory);
  }

  const idFile = join(blobs, 'id');

  return {
    location: blobs,
    async id() {
      const size = (await fs.stat(idFile))?.size ?? 0;
      let text = '';
      if (size > 0) for await (const chunk of fs.read(idFile, 0, size)) text += Buffer.from(chunk).toString();
      return text.trim() || undefined;
    },
    async setId(id) {
      const file = await fs.create(idFile);
      try {
        await file.write([Buffer.from(`${id}\n`)], 0);
        await file.datasync();
      } finally {
        await file.close();
      }
      await fs.syncDirectory(blobs);
    },
    async stage(upload, offset) {
      const name = staging(upload);
      if (offset === 0) await prepare(dirname(name));
      const file = await (offset === 0 ? fs.create(name) : fs.open(name));
      if (!file) return undefined;
      const size = offset === 0 ? 0 : await file.size().catch(closing(file));
      if (size < offset) {
        await file.close();
        return undefined;
      }
      if (size > offset) await file.truncate(offset).catch(closing(file));
      const bytes = createStagingFile(file, offset, offset === 0 || size > offset);
      return {
        ...bytes,
        mark: null,
        recorded() {},
        async sync() {
          await bytes.datasync();
          // Whoever continues finds the name durable; a file that is published at once gets another one.
          if (offset === 0) await fs.syncDirectory(dirname(name));
        },
        async seal() {
          await bytes.settle();
          return (start, end) => fs.read(name, start, end);
        },
        async publish(digest) {
          const key = keyOf(upload, digest);
          const directory = dirname(path(key));
          const dirty = bytes.dirty();
          await Promise.all([dirty && bytes.datasync(), prepare(directory)]);
          if (!(await fs.rename(name, path(key)))) throw new Error(`the bytes of upload ${upload} are gone`);
          // What an earlier request synced is synced again, beside the name and so at no cost: one that was killed may
          // have cut the file to the length that it has.
          await Promise.all([fs.syncDirectory(directory), !dirty && bytes.datasync()]);
          return key;
        },
        revert: () => bytes.truncate().catch(() => {}),
      };
    },
    readStaged: (upload, start, end) => fs.read(staging(upload), start, end),
    staged: (upload) => fs.stat(staging(upload)),
    discard: (upload) => fs.unlink(staging(upload)),
    keepForSweep: undefined,
    async release() {},
    async published(upload, digest) {
      const key = keyOf(upload, digest);
      const found = await fs.stat(path(key));
      return found && { key, size: found.size };
    },
    async unpublish(upload, digest) {
      const shard = dirname(staging(upload));
      await prepare(shard);
      // Acknowledged bytes must be found after a power cut, too.
      if (await fs.rename(path(keyOf(upload, digest)), staging(upload))) await fs.syncDirectory(shard);
    },
    read: (key, start, end) => fs.slice(path(key), start, end + 1),
    address: () => undefined,
    async size(key) {
      return (await fs.stat(path(key)))?.size;
    },
    async remove(keys) {
      for (const key of keys) await fs.unlink(path(key));
      for (const directory of new Set(keys.map((key) => dirname(path(key))))) {
        if (await fs.stat(directory)) await fs.syncDirectory(directory);
      }
    },
    async *objects() {
      for (const algorithm of algorithms) {
        for await (const shard of shardsIn(join(blobs, algorithm))) {
          for await (const name of fs.list(join(blobs, algorithm, shard))) {
            const object = objectOf(`${algorithm}/${shard}/${name}`);
            if (object) yield object;
          }
        }
      }
    },
    async *uploads() {
      for await (const shard of shardsIn(uploads)) {
        for await (const upload of fs.list(join(uploads, shard))) {
          if (!uploadPattern.test(upload) || !upload.startsWith(shard)) continue;
          const found = await fs.stat(staging(upload));
          if (found) yield { upload, ...found };
        }
      }
    },
    objectAt: (name) => (name.startsWith(`${blobs}/`) ? objectOf(name.slice(blobs.length + 1)) : undefined),
  };
}

function keyOf(upload: string, digest: Digest): string {
  const hex = digestHex(digest);
  return `${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}-${upload}`;
}

/** For a file that failed before anybody got it. */
function closing(file: OpenFile): (error: unknown) => Promise<never> {
  return async (error) => {
    try {
      await file.close();
    } catch {
      // The first failure is the one to tell.
    }
    throw error;
  };
}

/** The object of a key; undefined for names that this store did not give. */
function objectOf(key: string): StoredObject | undefined {
  const [algorithm, , name, ...more] = key.split('/');
  const match = objectPattern.exec(name ?? '');
  const digest = match && parseDigest(`${algorithm}:${match[1]}`);
  if (!digest || more.length > 0 || keyOf(match[2]!, digest) !== key) return undefined;
  return { key, upload: match[2]!, digest };
}

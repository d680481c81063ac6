import { join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../oci/index.ts';
import type { BlobStore, StagingWriter } from './blob-store.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';

/*
 * The data directory:
 *
 *   <data>/
 *   ├─ lock                          held by the one server that may write here
 *   ├─ bonded.db, -wal, -shm         facts (SQLite), unless PostgreSQL keeps them
 *   ├─ uploads/<upload id>           staging: bytes that arrived, not yet a blob
 *   └─ blobs/<algorithm>/<aa>/<hex>-<upload id>
 *                                    content: <aa> are the first two digits of <hex>. The upload id makes each
 *                                    generation a file of its own; the name alone says what the file must hash to.
 */

/** Bytes gathered before one write call: fewer system calls, and still small beside a process's memory. */
const batchBytes = 512 * 1024;

/**
 * Blobs as plain files. Order of a commit: data synced (by the writer), rename, directory synced, and only then may
 * the caller record the fact.
 */
export async function createFileStore(data: string, fs: FileSystem = nodeFileSystem): Promise<BlobStore> {
  const uploads = join(data, 'uploads');
  const blobs = join(data, 'blobs');
  await prepareDirectories(fs, data, uploads, blobs);

  const staging = (upload: string) => join(uploads, upload);
  const path = (key: string) => join(blobs, key);

  return {
    async stage(upload, offset): Promise<StagingWriter> {
      const file = await fs.open(staging(upload));
      await file.truncate(offset);
      let position = offset;
      let pending: Uint8Array[] = [];
      let pendingBytes = 0;
      const flush = async () => {
        if (pendingBytes === 0) return;
        const batch = pending.length === 1 ? pending[0]! : Buffer.concat(pending, pendingBytes);
        pending = [];
        pendingBytes = 0;
        await file.write(batch, position);
        position += batch.byteLength;
      };
      return {
        async write(chunk) {
          pending.push(chunk);
          pendingBytes += chunk.byteLength;
          if (pendingBytes >= batchBytes) await flush();
        },
        async sync() {
          await flush();
          await file.datasync();
        },
        close: () => file.close(),
      };
    },
    readStaged: (upload, end) => fs.read(staging(upload), 0, end),
    async publish(upload, digest) {
      const key = keyOf(digest, upload);
      await fs.rename(staging(upload), path(key));
      await fs.syncDirectory(join(path(key), '..'));
      return key;
    },
    discard: (upload) => fs.unlink(staging(upload)),
    read: (key, start, end) => Bun.file(path(key)).slice(start, end + 1),
    async size(key) {
      return (await fs.stat(path(key)))?.size;
    },
    async remove(key) {
      await fs.unlink(path(key));
      await fs.syncDirectory(join(path(key), '..'));
    },
    async *objects() {
      for (const directory of shardDirectories()) {
        for (const name of await fs.list(join(blobs, directory))) {
          const found = await fs.stat(join(blobs, directory, name));
          const algorithm = directory.slice(0, directory.indexOf('/'));
          const digest = parseDigest(`${algorithm}:${name.slice(0, name.indexOf('-'))}`);
          if (found) yield { key: `${directory}/${name}`, size: found.size, digest };
        }
      }
    },
    async *staged() {
      for (const upload of await fs.list(uploads)) {
        const found = await fs.stat(staging(upload));
        if (found) yield { upload, changedAt: found.changedAt };
      }
    },
    async publishedBy(upload) {
      const found: string[] = [];
      for (const directory of shardDirectories()) {
        for (const name of await fs.list(join(blobs, directory))) {
          if (name.endsWith(`-${upload}`)) found.push(`${directory}/${name}`);
        }
      }
      return found;
    },
  };
}

function keyOf(digest: Digest, upload: string): string {
  const hex = digestHex(digest);
  return `${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}-${upload}`;
}

function* shardDirectories(): Iterable<string> {
  for (const algorithm of ['sha256', 'sha512']) {
    for (let shard = 0; shard < 256; shard++) yield `${algorithm}/${shard.toString(16).padStart(2, '0')}`;
  }
}

/** Makes all 512 shards once, so that a commit never has to make, and sync, a chain of directories. */
async function prepareDirectories(fs: FileSystem, data: string, uploads: string, blobs: string): Promise<void> {
  await fs.mkdir(data);
  await fs.mkdir(uploads);
  const marker = join(blobs, 'sha512', 'ff');
  if (await fs.stat(marker)) return;
  await fs.mkdir(blobs);
  for (const algorithm of ['sha512', 'sha256']) await fs.mkdir(join(blobs, algorithm));
  // The marker comes last, so that a crash half-way is finished by the next start.
  for (const directory of [...shardDirectories()].filter((name) => name !== 'sha512/ff')) {
    await fs.mkdir(join(blobs, directory));
  }
  for (const algorithm of ['sha256', 'sha512']) await fs.syncDirectory(join(blobs, algorithm));
  await fs.syncDirectory(blobs);
  await fs.mkdir(marker);
  await fs.syncDirectory(join(blobs, 'sha512'));
  await fs.syncDirectory(data);
}

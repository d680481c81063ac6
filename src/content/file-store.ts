import { join } from 'node:path';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { createStagingWriter } from './staging-writer.ts';

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

const keyPattern = /^(sha256|sha512)\/([0-9a-f]{2})\/([0-9a-f]{64}|[0-9a-f]{128})-([0-9a-f]{32})$/;
const uploadPattern = /^[0-9a-f]{32}$/;

/**
 * Blobs as plain files. Order of a commit: data synced (by the writer), rename, directory synced, and only then may
 * the caller record the fact.
 */
export async function createFileStore(data: string, fs: FileSystem = nodeFileSystem): Promise<BlobStore> {
  const uploads = join(data, 'uploads');
  const blobs = join(data, 'blobs');
  for (const directory of [data, uploads, blobs]) await fs.mkdir(directory);
  const ensureShard = await createShards(fs, blobs);
  for (const directory of [blobs, data]) await fs.syncDirectory(directory);

  const staging = (upload: string) => join(uploads, upload);
  const path = (key: string) => join(blobs, key);
  const shardOf = (key: string) => key.slice(0, key.lastIndexOf('/'));

  return {
    async stage(upload, offset) {
      const file = await fs.open(staging(upload));
      await file.truncate(offset);
      return createStagingWriter(file, offset, () => fs.syncDirectory(uploads));
    },
    readStaged: (upload, start, end) => fs.read(staging(upload), start, end),
    staged: (upload) => fs.stat(staging(upload)),
    async publish(upload, digest) {
      const key = keyOf(upload, digest);
      await ensureShard(shardOf(key));
      await fs.rename(staging(upload), path(key));
      await fs.syncDirectory(join(blobs, shardOf(key)));
      return key;
    },
    keyOf,
    discard: async (upload) => void (await fs.unlink(staging(upload))),
    read: (key, start, end) => Bun.file(path(key)).slice(start, end + 1),
    async size(key) {
      return (await fs.stat(path(key)))?.size;
    },
    async remove(key) {
      if (await fs.unlink(path(key))) await fs.syncDirectory(join(blobs, shardOf(key)));
    },
    async *objects() {
      for (const shard of shardDirectories()) {
        for await (const name of fs.list(join(blobs, shard))) {
          const key = `${shard}/${name}`;
          const digest = digestOfKey(key);
          const found = digest && (await fs.stat(path(key)));
          if (found) yield { key, size: found.size, digest };
        }
      }
    },
    async *uploads() {
      for await (const upload of fs.list(uploads)) {
        const found = uploadPattern.test(upload) && (await fs.stat(staging(upload)));
        if (found) yield { upload, ...found };
      }
    },
    keyOfPath(absolute) {
      if (!absolute.startsWith(`${blobs}/`)) return undefined;
      const key = absolute.slice(blobs.length + 1);
      const digest = digestOfKey(key);
      return digest && { key, digest };
    },
  };
}

function keyOf(upload: string, digest: Digest): string {
  const hex = digestHex(digest);
  return `${digestAlgorithm(digest)}/${hex.slice(0, 2)}/${hex}-${upload}`;
}

/** The digest that a key stands for; undefined for names that this store did not give. */
function digestOfKey(key: string): Digest | undefined {
  const match = keyPattern.exec(key);
  if (!match || !match[3]!.startsWith(match[2]!)) return undefined;
  return parseDigest(`${match[1]}:${match[3]}`);
}

function* shardDirectories(): Iterable<string> {
  for (const algorithm of ['sha256', 'sha512']) {
    for (let shard = 0; shard < 256; shard++) yield `${algorithm}/${shard.toString(16).padStart(2, '0')}`;
  }
}

/**
 * Makes the directory of a shard when its first object comes, durably. Whoever needs it meanwhile waits: an object in
 * a directory whose own name could still vanish would vanish with it.
 */
async function createShards(fs: FileSystem, blobs: string): Promise<(shard: string) => Promise<void>> {
  const durable = new Map<string, Promise<void>>();
  for (const algorithm of ['sha256', 'sha512']) {
    const parent = join(blobs, algorithm);
    await fs.mkdir(parent);
    const found = await Array.fromAsync(fs.list(parent));
    // Another process, or one that crashed, may have made them a moment ago.
    await fs.syncDirectory(parent);
    for (const name of found) durable.set(`${algorithm}/${name}`, Promise.resolve());
  }
  const make = async (shard: string) => {
    try {
      await fs.mkdir(join(blobs, shard));
      await fs.syncDirectory(join(blobs, shard, '..'));
    } catch (error) {
      durable.delete(shard);
      throw error;
    }
  };
  return (shard) => {
    let made = durable.get(shard);
    if (!made) durable.set(shard, (made = make(shard)));
    return made;
  };
}

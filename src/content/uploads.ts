import { createHash, type Hash, randomBytes } from 'node:crypto';
import type { Database, Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm } from '../oci/index.ts';
import type { BlobStore, StagingWriter } from './blob-store.ts';
import { hashStaged, receive, type ReceiveLimits } from './receive.ts';
import { advanceUpload, deleteUpload, findUpload, insertUpload, type UploadRow } from './store.ts';

/** What a session belongs to: it is unknown by any other path (lesson 13). */
export interface UploadOwner {
  registryId: number;
  /** Name of the repository; it comes into being with its first blob or manifest, not with a session. */
  repository: string;
  creator: string;
}

export interface ClosedUpload {
  digest: Digest;
  size: number;
  key: string;
}

export interface Uploads {
  /** Opens a session. Its row need not be durable yet: a client that loses it has lost nothing. */
  open(owner: UploadOwner, algorithm: DigestAlgorithm): Promise<string>;
  /** The session as it is durable; BLOB_UPLOAD_UNKNOWN for another repository's. */
  find(id: string, owner: UploadOwner): Promise<UploadRow>;
  /**
   * Appends a body from `start` (undefined: where the session ends). `start` 0 begins anew. Any other start than the
   * session's offset throws RANGE_INVALID. Resolves with the new, durable offset; what a broken body delivered is kept.
   */
  append(session: UploadRow, body: ReadableStream<Uint8Array> | null, start: number | undefined): Promise<number>;
  /**
   * Takes the last bytes, verifies, publishes, and records all facts in one transaction with `link`. A wrong digest
   * leaves the session as it was before this call, so that a retry works.
   */
  close(
    session: UploadRow,
    body: ReadableStream<Uint8Array> | null,
    digest: Digest,
    link: (tx: Transaction, blob: ClosedUpload) => Promise<string>,
  ): Promise<ClosedUpload>;
  cancel(id: string): Promise<void>;
  /** Sessions that are being written by this process. */
  busy(): number;
}

/** Live hashers are a short cut only: 1,024 sessions keep theirs, the others hash their prefix again. */
const maxLiveHashers = 1024;

export function createUploads(
  db: Database,
  store: BlobStore,
  limits: ReceiveLimits,
  now: () => number = Date.now,
): Uploads {
  const hashers = new Map<string, { hash: Hash; offset: number; algorithm: DigestAlgorithm }>();
  const writing = new Set<string>();

  function remember(id: string, hash: Hash, offset: number, algorithm: DigestAlgorithm): void {
    hashers.delete(id);
    hashers.set(id, { hash, offset, algorithm });
    if (hashers.size > maxLiveHashers) hashers.delete(hashers.keys().next().value!);
  }

  async function hasherAt(id: string, offset: number, algorithm: DigestAlgorithm): Promise<Hash> {
    const live = hashers.get(id);
    hashers.delete(id);
    if (offset === 0) return createHash(algorithm);
    if (live?.offset === offset && live.algorithm === algorithm) return live.hash;
    return hashStaged(store.readStaged(id, offset), algorithm);
  }

  /** One writer a session: two bodies in one staging area would mix. */
  async function exclusively<T>(id: string, action: () => Promise<T>): Promise<T> {
    if (writing.has(id)) {
      throw new RegistryError('BLOB_UPLOAD_INVALID', {
        status: 409,
        message: 'another request is writing to this upload; wait for it, then ask for the offset',
      });
    }
    writing.add(id);
    try {
      return await action();
    } finally {
      writing.delete(id);
    }
  }

  async function persist(id: string, offset: number, hash: Hash, algorithm: DigestAlgorithm): Promise<void> {
    const state = { offset, algorithm, digest: `${algorithm}:${hash.copy().digest('hex')}`, active_at: now() };
    const known = await db.write((tx) => advanceUpload(tx, id, state));
    if (!known) throw unknown(id);
    remember(id, hash, offset, algorithm);
  }

  return {
    async open(owner, algorithm) {
      const id = randomBytes(16).toString('hex');
      const at = now();
      await db.write((tx) =>
        insertUpload(tx, {
          id,
          registry_id: owner.registryId,
          repository: owner.repository,
          creator: owner.creator,
          offset: 0,
          algorithm,
          digest: null,
          closing: null,
          started_at: at,
          active_at: at,
        }),
      );
      return id;
    },

    async find(id, owner) {
      const session = /^[0-9a-f]{32}$/.test(id) ? await findUpload(db, id) : undefined;
      if (session?.registry_id !== owner.registryId) throw unknown(id);
      if (session.repository !== owner.repository || session.creator !== owner.creator) throw unknown(id);
      return session;
    },

    append: (session, body, start) =>
      exclusively(session.id, async () => {
        if (start !== undefined && start !== session.offset && start !== 0) throw outOfOrder(session, start);
        const algorithm = session.algorithm as DigestAlgorithm;
        const from = start === 0 ? 0 : session.offset;
        const hash = await hasherAt(session.id, from, algorithm);
        const writer = await store.stage(session.id, from);
        const received = await writeBody(writer, () => receive(body, writer, hash, { ...limits, offset: from }));
        const offset = from + received.bytes;
        await persist(session.id, offset, hash, algorithm);
        if (received.failure) throw interrupted(received.failure);
        return offset;
      }),

    close: (session, body, digest, link) =>
      exclusively(session.id, async () => {
        const algorithm = digestAlgorithm(digest);
        let size = session.offset;
        let actual = session.digest;
        if (body || size === 0 || !actual?.startsWith(`${algorithm}:`)) {
          const hash = await hasherAt(session.id, size, algorithm);
          const writer = await store.stage(session.id, size);
          const received = await writeBody(writer, () => receive(body, writer, hash, { ...limits, offset: size }));
          if (received.failure) throw interrupted(received.failure);
          size += received.bytes;
          actual = `${algorithm}:${hash.digest('hex')}`;
        }
        hashers.delete(session.id);
        if (actual !== digest) {
          throw new RegistryError('DIGEST_INVALID', {
            message: 'the uploaded bytes do not have the digest that the request names',
            detail: { expected: digest, actual, size },
          });
        }
        const key = await store.publish(session.id, digest);
        const blob: ClosedUpload = { digest, size, key };
        const kept = await db.write(async (tx) => {
          const used = await link(tx, blob);
          await deleteUpload(tx, session.id);
          return used;
        });
        // The same content was there already; ours is the one without a fact.
        if (kept !== key) await store.remove(key);
        return { ...blob, key: kept };
      }),

    async cancel(id) {
      hashers.delete(id);
      await db.write((tx) => deleteUpload(tx, id));
      await store.discard(id);
    },
    busy: () => writing.size,
  };
}

async function writeBody<T>(writer: StagingWriter, body: () => Promise<T>): Promise<T> {
  try {
    const result = await body();
    await writer.sync();
    return result;
  } catch (error) {
    throw storageFailure(error);
  } finally {
    await writer.close();
  }
}

function storageFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT' ? new RegistryError('INSUFFICIENT_STORAGE', { cause: error }) : error;
}

/** A body that broke: our own refusals stay, whatever the transport threw becomes a client error. */
function interrupted(failure: unknown): unknown {
  if (failure instanceof RegistryError) return failure;
  const storage = storageFailure(failure);
  if (storage instanceof RegistryError) return storage;
  return new RegistryError('BLOB_UPLOAD_INVALID', {
    message: 'the body ended early; resume the upload from the offset that a GET of its location reports',
    cause: failure,
  });
}

function unknown(id: string): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id.slice(0, 64) } });
}

function outOfOrder(session: UploadRow, start: number): RegistryError {
  return new RegistryError('RANGE_INVALID', {
    message: 'the chunk does not begin where the upload ends; continue from the offset in the Range header',
    detail: { upload: session.id, expected: session.offset, received: start },
  });
}

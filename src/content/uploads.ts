import { randomBytes } from 'node:crypto';
import type { Database, Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { createLiveHashers, endedEarly, type ReceiveLimits, type UploadBody } from './receive.ts';
import { cutStaged, stageBody, storageFailure } from './staging.ts';
import { advanceUpload, deleteUpload, findUpload, insertUpload, markClosing, resetUpload, type UploadRow } from './store.ts';

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

/** Records a finished blob in the transaction that ends its session; returns the key that holds the content now. */
export type LinkBlob = (tx: Transaction, blob: ClosedUpload) => Promise<string>;

export interface Uploads {
  /** Opens a session. Its row need not be durable yet: a client that loses it has lost nothing. */
  open(owner: UploadOwner, algorithm: DigestAlgorithm): Promise<string>;
  /** The session as it is durable; BLOB_UPLOAD_UNKNOWN for another repository's. */
  find(id: string, owner: UploadOwner): Promise<UploadRow>;
  /**
   * Appends a body from `start` (undefined: where the session ends). `start` 0 begins anew. Any other start than the
   * session's offset throws RANGE_INVALID. Resolves with the new, durable offset; what a broken body delivered is kept.
   */
  append(session: UploadRow, body: UploadBody | undefined, start: number | undefined): Promise<number>;
  /**
   * Takes the last bytes, verifies, publishes, and records all facts in one transaction with `link`. A wrong digest
   * leaves the session as it was before this call, so that a retry works.
   */
  close(session: UploadRow, body: UploadBody | undefined, digest: Digest, link: LinkBlob): Promise<ClosedUpload>;
  /** A whole blob in one request. What fails leaves nothing: the client knows no session that it could resume. */
  put(owner: UploadOwner, body: UploadBody | undefined, digest: Digest, link: LinkBlob): Promise<ClosedUpload>;
  cancel(id: string): Promise<void>;
  /** Sessions that are being written by this process. */
  busy(): number;
}

export function createUploads(
  db: Database,
  store: BlobStore,
  limits: ReceiveLimits,
  now: () => number = Date.now,
): Uploads {
  const hashers = createLiveHashers();
  const writing = new Set<string>();

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

  async function append(session: UploadRow, body: UploadBody | undefined, start: number | undefined): Promise<number> {
    if (start !== undefined && start !== session.offset && start !== 0) throw outOfOrder(session, start);
    const { id } = session;
    const algorithm = session.algorithm as DigestAlgorithm;
    const from = start === 0 ? 0 : session.offset;
    // Forgotten before it is overwritten: a crash in between must not leave the old digest over new bytes.
    if (from < session.offset) await db.write((tx) => resetUpload(tx, id, now()));
    const live = hashers.take(id, from, algorithm);
    const staged = await stageBody(store, id, body, { offset: from, algorithm, live, limits, resumable: true });
    const offset = from + staged.bytes;
    const digest = `${algorithm}:${staged.hash.copy().digest('hex')}`;
    const known = await db.write((tx) => advanceUpload(tx, id, { offset, digest, active_at: now() }));
    if (!known) {
      await store.discard(id);
      throw unknown(id);
    }
    hashers.keep(id, staged.hash, offset, algorithm);
    if (staged.failure) throw interrupted(staged.failure);
    return offset;
  }

  /** The size of the whole content, and its digest, with the last body staged and durable. */
  async function finish(session: UploadRow, body: UploadBody | undefined, algorithm: DigestAlgorithm) {
    const { id, offset, digest } = session;
    if (!body && digest?.startsWith(`${algorithm}:`)) {
      hashers.drop(id);
      const staged = await store.staged(id);
      if (!staged || staged.size < offset) throw unknown(id);
      // What a refused body left behind the offset is cut off; the digest is of the bytes before.
      if (staged.size > offset) await cutStaged(store, id, offset);
      return { size: offset, actual: digest };
    }
    const live = hashers.take(id, offset, algorithm);
    const staged = await stageBody(store, id, body, { offset, algorithm, live, limits, resumable: false });
    if (staged.failure) throw interrupted(staged.failure);
    return { size: offset + staged.bytes, actual: `${algorithm}:${staged.hash.digest('hex')}` };
  }

  async function close(
    session: UploadRow,
    body: UploadBody | undefined,
    digest: Digest,
    link: LinkBlob,
    marked: Promise<boolean>,
  ): Promise<ClosedUpload> {
    const { id } = session;
    const { size, actual } = await finish(session, body, digestAlgorithm(digest));
    if (actual !== digest) {
      throw new RegistryError('DIGEST_INVALID', {
        message: 'the uploaded bytes do not have the digest that the request names',
        detail: { expected: digest, actual, size },
      });
    }
    // Where to look for the bytes is recorded before they move, so that a crash from here on leaks nothing.
    if (!(await marked)) throw unknown(id);
    const key = await publish(id, digest);
    const kept = await db.write(async (tx) => {
      const used = await link(tx, { digest, size, key });
      if (used === key) await deleteUpload(tx, id);
      return used;
    });
    if (kept !== key) {
      // The same content was there already; ours is the one without a fact. Its row goes last, for the same reason.
      await store.remove(key);
      await db.write((tx) => deleteUpload(tx, id), { durable: false });
    }
    return { digest, size, key: kept };
  }

  async function publish(id: string, digest: Digest): Promise<string> {
    try {
      return await store.publish(id, digest);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw unknown(id);
      throw storageFailure(error);
    }
  }

  const newRow = (owner: UploadOwner, algorithm: DigestAlgorithm, closing: Digest | null): UploadRow => ({
    id: randomBytes(16).toString('hex'),
    registry_id: owner.registryId,
    repository: owner.repository,
    creator: owner.creator,
    offset: 0,
    algorithm,
    digest: null,
    closing,
    started_at: now(),
    active_at: now(),
  });

  async function cancel(id: string): Promise<void> {
    hashers.drop(id);
    await db.write((tx) => deleteUpload(tx, id), { durable: false });
    await store.discard(id);
  }

  return {
    async open(owner, algorithm) {
      const row = newRow(owner, algorithm, null);
      await db.write((tx) => insertUpload(tx, row), { durable: false });
      return row.id;
    },

    async find(id, owner) {
      const session = /^[0-9a-f]{32}$/.test(id) ? await findUpload(db, id) : undefined;
      if (session?.registry_id !== owner.registryId) throw unknown(id);
      if (session.repository !== owner.repository || session.creator !== owner.creator) throw unknown(id);
      return session;
    },

    append: (session, body, start) => exclusively(session.id, () => append(session, body, start)),

    close: (session, body, digest, link) =>
      exclusively(session.id, () => {
        // Not awaited here: it is committed while the body still arrives.
        const marked = db.write((tx) => markClosing(tx, session.id, digest, now()), { durable: false });
        marked.catch(() => {});
        return close(session, body, digest, link, marked);
      }),

    async put(owner, body, digest, link) {
      const row = newRow(owner, digestAlgorithm(digest), digest);
      const inserted = db.write((tx) => insertUpload(tx, row), { durable: false }).then(() => true);
      inserted.catch(() => {});
      try {
        return await exclusively(row.id, () => close(row, body, digest, link, inserted));
      } catch (error) {
        // Once the bytes have moved, a fact may hold them although its answer was lost: that is left to the sweep.
        const moved = (await store.size(store.keyOf(row.id, digest)).catch(() => 0)) !== undefined;
        if (!moved) await inserted.then(() => cancel(row.id)).catch(() => {});
        throw error;
      }
    },

    cancel,
    busy: () => writing.size,
  };
}

/** A body that broke: our own refusals stay, whatever the transport threw becomes a client error. */
function interrupted(failure: unknown): unknown {
  if (failure instanceof RegistryError) return failure;
  const storage = storageFailure(failure);
  return storage instanceof RegistryError ? storage : endedEarly(failure);
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

import type { Database, Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm, parseDigest } from '../oci/index.ts';
import type { BlobStore, Staging } from './blob-store.ts';
import { endUploads } from './end-uploads.ts';
import { type Interruption, receive, storageFailure, type UploadBody, type UploadRoom } from './receive.ts';
import { requireStore } from './store-id.ts';
import { advanceUpload, deleteUpload, findUpload, noteClosing, settleUpload, type UploadRow } from './upload-store.ts';
import { hashAgain, type LiveHashes, startHash, type UploadHash } from './upload-hash.ts';
import { conflict, outOfOrder, unknownUpload, wrongDigest } from './upload-refusals.ts';
import type { Watchdog } from './watchdog.ts';

export interface ClosedUpload {
  digest: Digest;
  size: number;
  key: string;
}

/** Records a finished blob in the transaction that ends its session; returns the key that holds the content now. */
export type LinkBlob = (tx: Transaction, blob: ClosedUpload) => Promise<string>;

/** A session whose claim is held. */
export interface UploadSession {
  /** Bytes that are durable. */
  readonly offset: number;
  /** Whether the last chunk broke off: its client may not know how far it came, and begin anew at 0. */
  readonly brokeOff: boolean;
  /**
   * Appends a body from `start` (undefined: where the session ends). `start` 0 begins anew. Any other start than the
   * session's offset throws RANGE_INVALID. Resolves with the new, durable offset; what a broken body delivered is kept.
   * More than `room` has throws its refusal.
   */
  append(body: UploadBody | undefined, start: number | undefined, room?: UploadRoom): Promise<number>;
  /**
   * Takes the last bytes, verifies, publishes, and records all facts in one transaction with `link`. A wrong digest or
   * a broken body leaves the session as it was before this call, so that a retry works. More than `room` has throws its
   * refusal.
   */
  close(body: UploadBody | undefined, digest: Digest, link: LinkBlob, room?: UploadRoom): Promise<ClosedUpload>;
}

export interface SessionContext {
  db: Database;
  store: BlobStore;
  hashes: LiveHashes;
  watchdog: Watchdog;
  maxBytes: number;
  now: () => number;
}

/** The end of a session. */
interface Closing {
  body: UploadBody | undefined;
  digest: Digest;
  room: UploadRoom | undefined;
}

/** For whoever holds the claim. */
interface HeldSession extends UploadSession {
  /** The node that still has the session's row; null where its last write has left it to whoever comes next. */
  holder(): number | null;
  /** Whether the store was asked for an object. */
  published(): boolean;
}

/**
 * Works on the session of `row`, whose claim the caller holds. `noted`: the row that says `closing` is on its way. Every
 * write compares the place in which the row was found, and who has it: a node that lost its claim is refused there.
 */
export function openSession(
  { db, store, hashes, watchdog, maxBytes, now }: SessionContext,
  row: UploadRow,
  interruption: Interruption,
  noted?: Promise<boolean>,
): HeldSession {
  const { id } = row;
  const run = { upload: id, startedAt: row.started_at };
  let { holder } = row;
  /** The bytes are another's by now, and nothing is done to them any more. */
  let ousted = false;
  const limits = { maxBytes, watchdog, interruption };
  /** An earlier request was to publish the bytes, and it is open how far it came, or what may come of it yet. */
  const isContested = row.closing !== null;
  /** Whether the store was asked for an object. */
  let published = false;

  /** Brings back what an earlier close published and could not record. */
  async function recall(digest: string | null): Promise<void> {
    const named = digest === null ? undefined : parseDigest(digest);
    if (!named) return;
    if (!(await settleUpload(db, id))) throw unknownUpload(id);
    await store.unpublish(id, named);
  }

  async function openStaging(offset: number): Promise<Staging> {
    let staging = await store.stage(id, offset, row.mark, isContested);
    if (staging) return staging;
    await recall(row.digest);
    staging = await store.stage(id, offset, row.mark, isContested);
    if (staging) return staging;
    // A disk that is not mounted, or a bucket that is away, will be back with them.
    await requireStore(db, store).catch((cause: unknown) => {
      throw new RegistryError('UNAVAILABLE', { cause });
    });
    // Bytes that were acknowledged are gone, or another node has gone on with them. Where only damage to the store can have
    // done that, the client begins again.
    if (isContested) await store.keepForSweep?.(id);
    if (!(await db.write((tx) => deleteUpload(tx, id, holder), { durable: false }))) await lost();
    throw unknownUpload(id);
  }

  function hashFrom(offset: number, algorithm: DigestAlgorithm): UploadHash {
    const live = hashes.take(run, algorithm, offset);
    if (live) return live;
    return offset === 0 ? startHash(algorithm) : hashAgain(store, id, algorithm, offset);
  }

  /** Records how far the session is, in the place where it was found; `holder` null leaves it to whoever comes next. */
  async function advance(
    from: number,
    to: { offset: number; digest: Digest | undefined; brokeOff: boolean; mark: string | null; holder: number | null },
  ): Promise<void> {
    const { offset, digest = null, brokeOff, mark, holder: next } = to;
    const state = {
      offset,
      digest,
      broke_off: brokeOff ? 1 : 0,
      mark,
      holder: next,
      started_at: run.startedAt,
      active_at: now(),
    };
    if (!(await advanceUpload(db, { id, offset: from, holder }, state))) await lost();
    holder = next;
  }

  /** Somebody ended the session from elsewhere, or another node took it over; `unsettled` as the store has it. */
  async function lost(closing = row.closing, unsettled = isContested || published): Promise<never> {
    holder = null;
    ousted = true;
    if (await findUpload(db, id)) throw conflict();
    await endUploads(db, store, [{ ...row, closing }], unsettled);
    throw unknownUpload(id);
  }

  async function append(body: UploadBody | undefined, start: number | undefined, room?: UploadRoom): Promise<number> {
    if (start !== undefined && start !== row.offset && start !== 0) throw outOfOrder(row, start);
    const from = start === 0 ? 0 : row.offset;
    await recall(row.closing);
    if (from < row.offset) {
      await recall(row.digest);
      run.startedAt = Math.max(now(), run.startedAt + 1);
      // Forgotten before it is overwritten: a crash in between must not leave the old digest over new bytes.
      await advance(row.offset, { offset: from, digest: undefined, brokeOff: false, mark: null, holder });
    }
    if (!body) return from;
    const staging = await openStaging(from);
    // Only now is it certain that the bytes before are there to be read.
    const hash = hashFrom(from, row.algorithm as DigestAlgorithm);
    let kept = false;
    try {
      const { bytes, failure } = await receive(body, staging, hash, { ...limits, room });
      const offset = from + bytes;
      if (bytes > 0) await staging.sync();
      const brokeOff = failure !== undefined;
      if (bytes > 0 || (brokeOff && offset > 0))
        await advance(from, {
          offset,
          digest: hash.current(),
          brokeOff,
          mark: bytes > 0 ? staging.mark : row.mark,
          holder: null,
        });
      if (bytes > 0) staging.recorded();
      hash.detach();
      hashes.keep(run, hash);
      kept = true;
      if (brokeOff) throw failure;
      return offset;
    } catch (error) {
      if (!kept) {
        hash.drop();
        if (!ousted) await staging.revert();
      }
      throw storageFailure(error);
    } finally {
      await staging.close();
    }
  }

  /** Takes the last bytes and compares the digest of all; returns their number. */
  async function receiveLast(
    staging: Staging,
    { body, digest, room, placed }: Closing & { placed: Promise<boolean> },
  ): Promise<number> {
    const found = hashFrom(row.offset, digestAlgorithm(digest));
    // A retry goes on from the hash of what is durable.
    const fork = row.offset > 0 ? found.fork() : undefined;
    const hash = fork ?? found;
    if (fork) hashes.keep(run, found);
    try {
      const { bytes, failure } = body ? await receive(body, staging, hash, { ...limits, room }) : { bytes: 0 };
      if (failure !== undefined) throw failure;
      hash.attach(staging);
      // To hash what is staged may seal it, which is to be done by whoever has the session alone.
      if (!(await placed)) return await lost();
      const actual = await hash.digest();
      const size = row.offset + bytes;
      if (actual !== digest) throw wrongDigest(digest, actual, size);
      return size;
    } finally {
      hash.drop();
    }
  }

  async function publish({ body, digest, room }: Closing): Promise<ClosedUpload> {
    // What the row says of the bytes needs no hash; nor a note of where they go, where the store finds that by it.
    const known = !body && row.digest?.startsWith(`${digestAlgorithm(digest)}:`) ? row.digest : undefined;
    if (known !== undefined && known !== digest) throw wrongDigest(digest, known, row.offset);
    const needsNote = known === undefined || store.published === undefined;
    await recall(row.closing);
    // Not awaited yet: it is written while the body still arrives.
    const placed = noted ?? (needsNote ? noteClosing(db, row, digest, now()) : Promise.resolve(true));
    placed.catch(() => {});
    const staging = await openStaging(row.offset);
    try {
      const size = known === undefined ? await receiveLast(staging, { body, digest, room, placed }) : row.offset;
      if (!(await placed)) return await lost();
      published = true;
      return { digest, size, key: await staging.publish(digest) };
    } catch (error) {
      // Whoever ended the session from elsewhere, or took it over, has the bytes, too. A whole blob in one request has no
      // session to lose: there a missing row is one that could not be written.
      const unsettled = error instanceof RegistryError && error.code === 'UNAVAILABLE';
      const inDoubt = unsettled || !(error instanceof RegistryError);
      if (!noted && inDoubt && (await findUpload(db, id))?.holder !== holder)
        await lost(row.closing, unsettled || isContested || published);
      if (!ousted) await staging.revert();
      throw storageFailure(error);
    } finally {
      await staging.close();
    }
  }

  async function close(
    body: UploadBody | undefined,
    digest: Digest,
    link: LinkBlob,
    room?: UploadRoom,
  ): Promise<ClosedUpload> {
    const blob = await publish({ body, digest, room });
    const gone = unknownUpload(id);
    let key: string;
    // Once the row is gone, nothing else leads to what an earlier request may have published.
    if (isContested) await store.keepForSweep?.(id);
    try {
      key = await db.write(async (tx) => {
        const [ended, linked] = await Promise.all([deleteUpload(tx, id, holder), link(tx, blob)]);
        if (!ended) throw gone;
        return linked;
      });
    } catch (error) {
      if (error === gone) return lost(digest);
      throw error;
    }
    holder = null;
    hashes.drop(id);
    // Only what earlier requests left; the sweep takes it if this fails.
    if (row.offset > 0 || isContested) store.release(id, blob.key, row.mark).catch(() => {});
    return { ...blob, key };
  }

  return {
    offset: row.offset,
    brokeOff: row.broke_off === 1,
    append,
    close,
    holder: () => holder,
    published: () => published,
  };
}

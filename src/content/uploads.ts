import { randomBytes } from 'node:crypto';
import type { Database } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Node } from '../jobs/index.ts';
import { type Digest, type DigestAlgorithm, digestAlgorithm } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import { createLocalClaims, type UploadClaims } from './claims.ts';
import { endUploads } from './end-uploads.ts';
import {
  createInterruption,
  type Interruption,
  type ReceiveLimits,
  type UploadBody,
  type UploadRoom,
} from './receive.ts';
import { amongNodes, withoutNodes } from './hold-upload.ts';
import { dropUpload, findUpload, insertUpload, type UploadRow } from './upload-store.ts';
import { createSweep, type Swept } from './sweep.ts';
import { createLiveHashes } from './upload-hash.ts';
import { conflict, unknownUpload } from './upload-refusals.ts';
import { type ClosedUpload, type LinkBlob, openSession, type UploadSession } from './upload-session.ts';
import { createWatchdog } from './watchdog.ts';

/** What a session belongs to: it is unknown by any other path (lesson 13). */
export interface UploadOwner {
  registryId: number;
  /** Name of the repository; it comes into being with its first blob or manifest, not with a session. */
  repository: string;
  creator: string;
  /** Only a session that was opened before (ms) is its: whose token is over may finish what it has begun (lesson 9). */
  begunBefore?: number | undefined;
}

export interface Uploads {
  /** Opens a session. Its row need not be durable yet: a client that loses it has lost nothing. */
  open(owner: UploadOwner, algorithm: DigestAlgorithm): Promise<string>;
  /** The session as it is durable; BLOB_UPLOAD_UNKNOWN for another repository's. */
  find(id: string, owner: UploadOwner): Promise<UploadRow>;
  /**
   * Works on a session that nobody else works on meanwhile; BLOB_UPLOAD_INVALID (409) where somebody does. The session
   * is read once the claim is held, so that its offset is the one that the last request left.
   */
  hold<T>(id: string, owner: UploadOwner, action: (session: UploadSession) => Promise<T>): Promise<T>;
  /** A whole blob in one request. What is refused leaves nothing: the client knows no session that it could resume. */
  put(
    owner: UploadOwner,
    body: UploadBody | undefined,
    digest: Digest,
    link: LinkBlob,
    room?: UploadRoom,
  ): Promise<ClosedUpload>;
  /** Ends a session and removes its bytes. A request that is writing to it is ended first. */
  cancel(id: string, owner: UploadOwner): Promise<void>;
  /** One step of the sweep of what nobody works on since `before` (ms); see sweep.ts. */
  sweep(before: number, limit?: number): Promise<Swept>;
  /** Sessions that are being written by this process. */
  busy(): number;
}

export interface UploadOptions {
  now?: () => number;
  /** Needed where several processes share the store. */
  claims?: UploadClaims;
  /** Needed where several nodes do. */
  node?: Node | undefined;
}

interface Hold {
  interruption: Interruption;
  ended: Promise<void>;
}

export function createUploads(
  db: Database,
  store: BlobStore,
  limits: ReceiveLimits,
  { now = Date.now, claims = createLocalClaims(), node }: UploadOptions = {},
): Uploads {
  const holders = node ? amongNodes(db, node) : withoutNodes(db);
  const hashes = createLiveHashes();
  const holds = new Map<string, Hold>();
  const context = { db, store, hashes, watchdog: createWatchdog(limits), maxBytes: limits.maxBytes, now };

  async function claimed<T>(id: string, action: (interruption: Interruption) => Promise<T>): Promise<T> {
    const release = await claims.claim(id);
    if (!release) throw conflict();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const interruption = createInterruption();
    holds.set(id, { interruption, ended });
    try {
      return await action(interruption);
    } finally {
      holds.delete(id);
      release();
      resolve();
    }
  }

  const find = async (id: string, owner: UploadOwner): Promise<UploadRow> => {
    requireId(id);
    return requireOwned(id, owner, await findUpload(db, id));
  };

  async function hold<T>(id: string, owner: UploadOwner, action: (session: UploadSession) => Promise<T>): Promise<T> {
    requireId(id);
    return claimed(id, async (interruption) => {
      const row = await holders.take(id);
      let held = row?.holder ?? null;
      try {
        const session = openSession(context, requireOwned(id, owner, row), interruption);
        try {
          return await action(session);
        } finally {
          held = session.holder();
        }
      } finally {
        await holders.giveBack(id, held);
      }
    });
  }

  async function end(row: UploadRow): Promise<void> {
    try {
      await endUploads(db, store, [row], row.closing !== null);
    } catch (error) {
      await holders.giveBack(row.id, row.holder);
      throw error;
    }
  }

  function newRow(owner: UploadOwner, algorithm: DigestAlgorithm, closing: Digest | null): UploadRow {
    const at = now();
    return {
      id: randomBytes(16).toString('hex'),
      registry_id: owner.registryId,
      repository: owner.repository,
      creator: owner.creator,
      offset: 0,
      algorithm,
      digest: null,
      closing,
      broke_off: 0,
      mark: null,
      holder: closing === null ? null : holders.self(),
      started_at: at,
      active_at: at,
    };
  }

  async function put(
    owner: UploadOwner,
    body: UploadBody | undefined,
    digest: Digest,
    link: LinkBlob,
    room?: UploadRoom,
  ): Promise<ClosedUpload> {
    const row = newRow(owner, digestAlgorithm(digest), digest);
    // The row is there for the sweep only. It is written while the body arrives.
    const inserted = insertUpload(db, row).then(() => true);
    inserted.catch(() => {});
    return claimed(row.id, async (interruption) => {
      const session = openSession(context, { ...row, closing: null }, interruption, inserted);
      try {
        return await session.close(body, digest, link, room);
      } catch (error) {
        // Of any other error it is open whether the fact was recorded, or the object is yet to be made: the sweep finds
        // out, later.
        if (error instanceof RegistryError && error.code !== 'UNAVAILABLE')
          await inserted.then(() => endUploads(db, store, [row], session.published())).catch(() => {});
        await holders.giveBack(row.id, session.holder());
        throw error;
      }
    });
  }

  return {
    async open(owner, algorithm) {
      const row = newRow(owner, algorithm, null);
      await insertUpload(db, row);
      return row.id;
    },
    find,
    hold,
    put,
    async cancel(id, owner) {
      await find(id, owner);
      const running = holds.get(id);
      running?.interruption.interrupt(unknownUpload(id));
      await running?.ended;
      const release = await claims.claim(id);
      try {
        // It may have been closed by the request that was waited for.
        const row = release && (await holders.takeNow(id));
        hashes.drop(id);
        if (row) await end(row);
        // Another process or node writes: it finds the row gone, and removes the bytes.
        else if (await find(id, owner)) {
          await store.keepForSweep?.(id);
          await dropUpload(db, id);
        }
      } finally {
        release?.();
      }
    },
    sweep: createSweep(db, store, { now, claims, holders, ended: hashes.drop }),
    busy: () => holds.size,
  };
}

function requireId(id: string): void {
  if (!/^[0-9a-f]{32}$/.test(id)) throw unknownUpload(id);
}

function requireOwned(id: string, owner: UploadOwner, row: UploadRow | undefined): UploadRow {
  if (row?.registry_id !== owner.registryId) throw unknownUpload(id);
  if (row.repository !== owner.repository || row.creator !== owner.creator) throw unknownUpload(id);
  if (owner.begunBefore !== undefined && row.started_at >= owner.begunBefore) throw unknownUpload(id);
  return row;
}

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase } from '../../test/support/database.ts';
import { openTestStore } from '../../test/support/storage.ts';
import { RegistryError } from '../errors/index.ts';
import { jobMigrations } from '../jobs/index.ts';
import type { DigestAlgorithm } from '../oci/index.ts';
import type { BlobStore } from './blob-store.ts';
import type { FileSystem } from './files/file-system.ts';
import type { ReceiveLimits, UploadBody } from './receive.ts';
import { recordBlob } from './store.ts';
import { contentMigrations } from './tables.ts';
import type { LinkBlob } from './upload-session.ts';
import { createUploads, type UploadOptions } from './uploads.ts';

export const owner = { registryId: 1, repository: 'team/app', creator: 'somebody' };

export interface RigOptions {
  limits?: Partial<ReceiveLimits>;
  fs?: FileSystem;
  /** Bytes in S3 in any case. */
  s3?: boolean;
  options?: UploadOptions;
}

/** Uploads over real facts and bytes, without a catalog: a recorded blob is linked enough. */
export async function openContentRig({ limits, fs, s3, options }: RigOptions = {}) {
  const data = await mkdtemp(join(tmpdir(), 'bonded-content-'));
  const db = await openTestDatabase([...jobMigrations, ...contentMigrations]);
  const opened = await openTestStore(data, fs, s3);
  const { store, bucket, fileOf, stagingOf, everything } = opened;
  const link: LinkBlob = (tx, blob) => recordBlob(tx, { ...blob, now: Date.now() });
  const openOver = (other: BlobStore, more: UploadOptions = {}) =>
    createUploads(
      db,
      other,
      { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 2 ** 40, ...limits },
      { ...options, ...more },
    );
  const uploads = openOver(store);
  return {
    data,
    db,
    store,
    bucket,
    fileOf,
    stagingOf,
    everything,
    uploads,
    link,
    /** Uploads in another process, or after a restart: nothing is known but facts and files. */
    elsewhere: (more?: UploadOptions) => openOver(store, more),
    openOver,
    open: (algorithm: DigestAlgorithm = 'sha256') => uploads.open(owner, algorithm),
    append: (id: string, body: UploadBody | undefined, start?: number) =>
      uploads.hold(id, owner, (session) => session.append(body, start)),
    close: (id: string, body: UploadBody | undefined, digest: Parameters<typeof uploads.put>[2]) =>
      uploads.hold(id, owner, (session) => session.close(body, digest, link)),
    offset: async (id: string) => (await uploads.find(id, owner)).offset,
    /**
     * What is there, counted: rows of sessions, staging areas that were not published, objects, and rows of blobs that
     * are to be deleted.
     */
    async left() {
      const rows = await db.all<{ id: string }>('SELECT id FROM uploads', []);
      const deleting = await db.all<{ id: number }>('SELECT id FROM blobs WHERE deleting = 1', []);
      const staged = await Array.fromAsync(store.uploads());
      const objects = await Array.fromAsync(store.objects());
      const published = new Set(objects.map(({ upload }) => upload));
      return {
        sessions: rows.length,
        // Of those that have ended and will be looked at again there is nothing.
        staged: staged.filter(({ upload, size }) => size > 0 && !published.has(upload)).length,
        // In S3, what a session published and did not record stays until it ends.
        objects: store.published ? objects.length : published.size,
        deleting: deleting.length,
      };
    },
    async bytes(key: string): Promise<Buffer> {
      return Buffer.from(await new Response(await store.read(key, 0, (await store.size(key))! - 1)).bytes());
    },
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]();
      await opened[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

export type ContentRig = Awaited<ReturnType<typeof openContentRig>>;

export const nothing = { sessions: 0, staged: 0, objects: 0, deleting: 0 };

export function bodyOf(...chunks: (Uint8Array | string)[]): UploadBody {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(new Uint8Array(Buffer.from(chunk)));
      controller.close();
    },
  });
  return { stream, length: undefined };
}

/** A body whose connection breaks after `before`. */
export function brokenBody(before: Uint8Array): UploadBody {
  let sent = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent) controller.error(new Error('connection reset'));
      else controller.enqueue(new Uint8Array(before));
      sent = true;
    },
  });
  return { stream, length: before.length + 1000 };
}

/** A body that brings what the test sends, when it sends it. `cancelled` resolves when it is given up. */
export function openBody(first = '') {
  const { promise: cancelled, resolve } = Promise.withResolvers<unknown>();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const stream = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
      if (first) controller.enqueue(Buffer.from(first));
    },
    cancel: resolve,
  });
  const body: UploadBody = { stream, length: undefined };
  return {
    body,
    cancelled,
    send: (text: string) => controller.enqueue(Buffer.from(text)),
    end: () => controller.close(),
  };
}

/** `200`-like short form of what a caller would be answered. */
export async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
    return 'done';
  } catch (error) {
    if (error instanceof RegistryError) return `${error.status} ${error.code}`;
    throw error;
  }
}

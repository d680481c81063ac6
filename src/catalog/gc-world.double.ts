import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { type BlobStore, contentMigrations, createFileStore, createUploads, type Uploads } from '../content/index.ts';
import type { Database } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import type { Catalog } from './context.ts';
import { delay, retention } from './gc-model.double.ts';
import { ensureRegistry } from './registries.ts';
import { catalogMigrations } from './tables.ts';

/** The process died here. */
export class Crash extends Error {}

/** One life of the server: after a crash nothing of it can do anything any more. */
export interface Life {
  catalog: Catalog;
  uploads: Uploads;
  store: BlobStore;
  /** It ends at the n-th step from now; undefined: it does not. */
  endAt(step: number | undefined): void;
  /** Whether it has ended: the collector goes on after a failure, a process that died does not. */
  ended(): boolean;
}

export interface World extends AsyncDisposable {
  db: TestDatabase;
  files: BlobStore;
  clock: { now: number };
  registries: number[];
  /** Whether what is deleted is kept. */
  keeps: boolean;
  /** Begins a new life, as a start of the server does. */
  begin(): Life;
  /** Names of all files below `blobs` and below `uploads`, sorted: what the store itself may have forgotten, too. */
  filesBelow(directory: 'blobs' | 'uploads'): Promise<string[]>;
}

/** Facts and files that outlive the processes that work on them. */
export async function openWorld(keeps = false): Promise<World> {
  const data = await mkdtemp(join(tmpdir(), 'bonded-world-'));
  const db = await openTestDatabase([...eventMigrations, ...contentMigrations, ...catalogMigrations], { poolSize: 16 });
  const files = await createFileStore(data);
  const clock = { now: Date.now() };
  const now = () => clock.now;
  const softDelete = () => ({ enabled: true, retentionMs: retention });
  const whole: Catalog = { db, now, gcDelayMs: delay, sparseIndexes: false, ...(keeps && { softDelete }) };
  const registries = [await ensureRegistry(whole, 'one'), await ensureRegistry(whole, 'two')];
  return {
    db,
    files,
    clock,
    registries,
    keeps,
    begin() {
      let left: number | undefined;
      const step = () => {
        if (left !== undefined && left-- <= 0) throw new Crash();
      };
      const store = mortalStore(files, step);
      const mortalDb = mortalDatabase(db, step);
      const limits = { stallMs: 60_000, minBytesPerSecond: 0, maxBytes: 1_000_000 };
      return {
        catalog: { ...whole, db: mortalDb },
        uploads: createUploads(mortalDb, store, limits, { now }),
        store,
        endAt(steps) {
          left = steps;
        },
        ended: () => left !== undefined && left < 0,
      };
    },
    async filesBelow(directory) {
      const entries = await readdir(join(data, directory), { recursive: true, withFileTypes: true });
      const found = entries.filter((entry) => entry.isFile());
      return found.map((entry) => relative(join(data, directory), join(entry.parentPath, entry.name))).toSorted();
    },
    async [Symbol.asyncDispose]() {
      await db[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A crash before a transaction, at its end but before the commit, or between the commit and the answer. */
function mortalDatabase(db: Database, step: () => void): Database {
  const mortal: Database = {
    ...db,
    async write(action, options) {
      step();
      const result = await db.write(async (tx) => {
        const value = await action(tx);
        step();
        return value;
      }, options);
      step();
      return result;
    },
    // One that was under way when the process died must not come later than what others do next.
    change: (sql, parameters, options) => mortal.write((tx) => tx.all(sql, parameters), options),
  };
  return mortal;
}

/** A crash before or after each call of a store, and between the objects that it removes. */
function mortalStore(store: BlobStore, step: () => void): BlobStore {
  const around = async <T>(call: () => Promise<T>): Promise<T> => {
    step();
    const result = await call();
    step();
    return result;
  };
  return {
    ...store,
    async stage(upload, ...at) {
      step();
      const staging = await store.stage(upload, ...at);
      if (!staging) return undefined;
      try {
        step();
      } catch (crash) {
        // The system closes the files of a process that died.
        await staging.close();
        throw crash;
      }
      return {
        ...staging,
        sync: () => around(() => staging.sync()),
        publish: (digest) => around(() => staging.publish(digest)),
        revert: () => around(() => staging.revert()),
      };
    },
    discard: (upload, inUse) => around(() => store.discard(upload, inUse)),
    unpublish: (upload, digest) => around(() => store.unpublish(upload, digest)),
    async remove(keys) {
      for (const key of keys) await around(() => store.remove([key]));
    },
  };
}

import { join, resolve } from 'node:path';
import { type Catalog, catalogMigrations } from '../catalog/index.ts';
import type { Configuration } from '../configuration.ts';
import {
  atDataDirectory,
  type BlobStore,
  bindStore,
  contentMigrations,
  createFileStore,
  createUploads,
  takeDataDirectory,
  type Uploads,
} from '../content/index.ts';
import { type Database, openDatabase } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';

const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];

/** Facts without any front door. */
export interface Facts extends AsyncDisposable {
  db: Database;
  catalog: Catalog;
}

/** Facts and bytes without any front door: offline commands work on this alone. */
export interface Storage extends Facts {
  blobs: BlobStore;
}

/** Opens the facts alone: also while a server runs on them, as long as nothing is written that it does not expect. */
export async function openFacts(config: Configuration): Promise<Facts> {
  const { url, poolSize, preparedStatements, statementTimeout } = config.database;
  const path = join(resolve(config.data), 'bonded.db');
  const db = await openDatabase(
    url === undefined
      ? { kind: 'sqlite', path, migrations }
      : { kind: 'postgres', url, migrations, poolSize, preparedStatements, statementTimeoutMs: statementTimeout },
  );
  const catalog: Catalog = {
    db,
    now: Date.now,
    gcDelayMs: config.gc.delay,
    sparseIndexes: config.manifests.sparseIndexes,
  };
  return { db, catalog, [Symbol.asyncDispose]: () => db.close() };
}

/**
 * Opens facts and bytes. Where there are none, `create` makes them; where there are only bytes, `adopt` makes new facts
 * theirs. Throws when another process has the data directory, or when facts and bytes do not belong together.
 */
export async function openStorage(
  config: Configuration,
  { create = false, adopt = false }: { create?: boolean; adopt?: boolean } = {},
): Promise<Storage> {
  await using stack = new AsyncDisposableStack();
  const data = resolve(config.data);
  stack.defer(await takeDataDirectory(data, create));
  const { db, catalog } = stack.use(await openFacts(config));
  const blobs = await atDataDirectory(data, () => createFileStore(data));
  await bindStore(db, blobs, adopt);
  const opened = stack.move();
  return { db, blobs, catalog, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The uploads of a registry, within its configured limits. */
export function openUploads(config: Configuration, { db, blobs }: Storage): Uploads {
  return createUploads(db, blobs, {
    stallMs: config.uploads.stallTimeout,
    minBytesPerSecond: config.uploads.minRate,
    maxBytes: config.uploads.maxBlobSize,
  });
}

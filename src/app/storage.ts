import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { advisoryMigrations } from '../advisories/index.ts';
import { admissionMigrations } from '../admission/index.ts';
import { type Catalog, catalogMigrations, ensureRegistry } from '../catalog/index.ts';
import { type Configuration, registriesOf } from '../configuration.ts';
import {
  type BlobStore,
  bindStore,
  contentMigrations,
  createUploads,
  joinDataDirectory,
  takeDataDirectory,
  type UploadClaims,
  type Uploads,
} from '../content/index.ts';
import { type Database, openDatabase, type WriteToken } from '../database/index.ts';
import { eventMigrations, renumberEvents } from '../events/index.ts';
import { identityMigrations } from '../identity/index.ts';
import { engineMigrations, scanningMigrations } from '../scanning/index.ts';
import { jobMigrations, joinNodes, type Node } from '../jobs/index.ts';
import { keyMigrations } from '../keys/index.ts';
import { operationMigrations } from '../operations/index.ts';
import { resourceMigrations } from '../resources/index.ts';
import { tierMigrations } from '../tiers/index.ts';
import { openBlobs, usesData } from './blobs.ts';

const migrations = [
  ...jobMigrations,
  ...eventMigrations,
  ...contentMigrations,
  ...keyMigrations,
  ...catalogMigrations,
  ...operationMigrations,
  ...resourceMigrations,
  ...identityMigrations,
  ...tierMigrations,
  ...advisoryMigrations,
  ...admissionMigrations,
  ...scanningMigrations,
  ...engineMigrations,
];

/** Facts without any front door. */
export interface Facts extends AsyncDisposable {
  db: Database;
  catalog: Catalog;
}

/** Facts and bytes without any front door: offline commands work on this alone. */
export interface Storage extends Facts {
  blobs: BlobStore;
  /** This process among those that work on the same facts; undefined on SQLite, where they know each other otherwise. */
  node: Node | undefined;
}

/** Opens the facts alone: also while a server runs on them, as long as nothing is written that it does not expect. */
export async function openFacts(config: Configuration, writeToken?: WriteToken): Promise<Facts> {
  const { url, poolSize, preparedStatements, statementTimeout } = config.database;
  const path = join(resolve(config.data), 'bonded.db');
  const db = await openDatabase(
    url === undefined
      ? { kind: 'sqlite', path, migrations, writeToken }
      : { kind: 'postgres', url, migrations, poolSize, preparedStatements, statementTimeoutMs: statementTimeout },
  );
  await renumberEvents(db);
  const catalog: Catalog = {
    db,
    now: Date.now,
    gcDelayMs: config.gc.delay,
    sparseIndexes: config.manifests.sparseIndexes,
  };
  return { db, catalog, [Symbol.asyncDispose]: () => db.close() };
}

/** What a worker shares with the other processes of its server. */
export interface SharedRights {
  writeToken: WriteToken;
  claims: UploadClaims;
}

export interface OpenOptions {
  create?: boolean;
  adopt?: boolean;
  /** For a worker: its parent has the data directory. */
  shared?: SharedRights | undefined;
  /** Told when the other nodes can no longer hear of this one. */
  unheard?: (error: unknown) => void;
}

/**
 * Opens facts and bytes. Where there are none, `create` makes them; where there are only bytes, `adopt` makes new facts
 * theirs. Throws when another process has the data directory, or when facts and bytes do not belong together.
 */
export async function openStorage(
  config: Configuration,
  { create = false, adopt = false, shared, unheard = () => {} }: OpenOptions = {},
): Promise<Storage> {
  await using stack = new AsyncDisposableStack();
  if (usesData(config)) {
    const data = resolve(config.data);
    // With content in S3, a lost database takes all of the directory along.
    const makes = create || (adopt && config.storage.s3.bucket !== undefined);
    stack.defer(shared ? await joinDataDirectory(data) : await takeDataDirectory(data, { create: makes }));
  }
  const { db, catalog } = stack.use(await openFacts(config, shared?.writeToken));
  const blobs = await openBlobs(config, stack);
  await bindStore(db, blobs, adopt);
  const name = `${hostname()}:${process.pid}`;
  const node = db.dialect === 'postgres' ? stack.use(await joinNodes(db, { name, failed: unheard })) : undefined;
  const opened = stack.move();
  return { db, blobs, catalog, node, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The uploads of a registry, within its configured limits. */
export function openUploads(
  config: Configuration,
  { db, blobs, node }: Storage,
  shared?: SharedRights,
  now: () => number = Date.now,
): Uploads {
  const limits = {
    stallMs: config.uploads.stallTimeout,
    minBytesPerSecond: config.uploads.minRate,
    maxBytes: config.uploads.maxBlobSize,
  };
  return createUploads(db, blobs, limits, { node, now, ...(shared && { claims: shared.claims }) });
}

/**
 * Prepares what workers will open: takes the data directory for this process and them, applies missing migrations,
 * makes the configured registries. Resolves with what gives the directory back.
 */
export async function prepareStorage(config: Configuration): Promise<() => void> {
  using stack = new DisposableStack();
  if (usesData(config)) stack.defer(await takeDataDirectory(resolve(config.data), { create: true, workers: true }));
  await using facts = await openFacts(config);
  using opened = new DisposableStack();
  await bindStore(facts.db, await openBlobs(config, opened), false);
  await ensureRegistries(config, facts);
  const taken = stack.move();
  return () => taken.dispose();
}

/** The ids of the configured registries, in the order of `registriesOf`; they are made where they are new. */
export async function ensureRegistries(config: Configuration, { catalog }: Facts): Promise<number[]> {
  const ids: number[] = [];
  for (const { name } of registriesOf(config)) ids.push(await ensureRegistry(catalog, name));
  return ids;
}

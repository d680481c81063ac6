import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { contentMigrations } from '../content/index.ts';
import type { Migration } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import { type Digest, digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import { collectStep } from './collect.ts';
import type { Catalog } from './context.ts';
import { findLinkedBlob } from './find-blob.ts';
import { findManifestFacts } from './find-manifest.ts';
import { commitBlob } from './links.ts';
import { putManifest } from './put-manifest.ts';
import { ensureRegistry } from './registries.ts';
import { findRepository } from './repositories.ts';
import { catalogMigrations } from './tables.ts';

export const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const day = 86_400_000;

export interface Description {
  digest: Digest;
  size: number;
  mediaType: string;
}

/** A catalog on a database of its own, with a clock that stands still until it is moved. */
export interface TestCatalog extends Catalog, AsyncDisposable {
  db: TestDatabase;
  registryId: number;
  clock: { now: number };
  /** A further registry on the same storage. */
  registry(name: string): Promise<TestCatalog>;
  /** Links content as a finished upload does, without a file. */
  blob(name: string, content: string, mediaType?: string): Promise<Description>;
  /** Pushes a manifest: an image of these blobs unless `json` says otherwise. */
  push(name: string, json: object, options?: { tags?: string[]; mediaType?: string }): Promise<Description>;
  /** An image manifest of these blobs, the first of which is the config. */
  image(blobs: Description[], more?: object): object;
  has(name: string, digest: Digest): Promise<boolean>;
  hasBlob(name: string, digest: Digest): Promise<boolean>;
  repository(name: string): Promise<{ id: number; registryId: number; name: string }>;
  count(
    table: 'blobs' | 'blob_links' | 'manifests' | 'manifest_references' | 'tags' | 'gc_candidates' | 'repositories',
  ): Promise<number>;
}

export async function openTestCatalog({
  poolSize = 8,
  migrations = [],
  ...options
}: Partial<Catalog> & { poolSize?: number; migrations?: readonly Migration[] } = {}): Promise<TestCatalog> {
  const own = [...eventMigrations, ...contentMigrations, ...catalogMigrations, ...migrations];
  const db = await openTestDatabase(own, { poolSize });
  const clock = { now: 1_800_000_000_000 };
  const base = { now: () => clock.now, gcDelayMs: day, sparseIndexes: false, ...options, db };
  return testCatalog(base, clock, await ensureRegistry(base, 'default'));
}

/** What an operation was refused with. */
export async function refusal(operation: Promise<unknown>): Promise<unknown> {
  return operation.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: unknown) => error,
  );
}

export const nothing = { links: 0, manifests: 0, blobs: 0, repositories: 0 };
/** Lets time pass and collects until nothing more goes. */
export async function collectAfter(catalog: TestCatalog, ms: number) {
  catalog.clock.now += ms;
  const total = { links: 0, manifests: 0, blobs: 0, repositories: 0 };
  for (;;) {
    const done = await collectStep(catalog, 3);
    if (done.failures.length > 0) throw done.failures[0]!.error;
    total.links += done.links;
    total.manifests += done.manifests;
    total.blobs += done.blobs;
    total.repositories += done.repositories;
    if (done.examined === 0) return total;
  }
}

let others = 0;

/** Makes so many further repositories of the registry that link a blob, as mounts do. */
export async function linkEverywhere({ db, registryId }: TestCatalog, digest: Digest, count: number): Promise<void> {
  const rows = Array.from({ length: count }, () => {
    return { registry_id: registryId, name: `other/${others++}`, created_at: 0, listed: 0 };
  });
  await db.write(async (tx) => {
    await tx.insertInto('repositories').values(rows).execute();
    tx.send(
      `INSERT INTO blob_links (registry_id, repository_id, digest, "key", size, created_at)
        SELECT r.registry_id, r.id, b.digest, b."key", b.size, 0 FROM blobs b, repositories r
        WHERE b.digest = ? AND b.deleting = 0 AND r.name LIKE 'other/%'
          AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository_id = r.id AND l.digest = b.digest)`,
      [digest],
    );
  });
}

/** The same catalog, and what each of its transactions sent without waiting for an answer. */
export function countingWrites(catalog: TestCatalog): { catalog: TestCatalog; writes: string[][] } {
  const writes: string[][] = [];
  const write: TestDatabase['write'] = (action, options) =>
    catalog.db.write((tx) => {
      const statements: string[] = [];
      writes.push(statements);
      const { send } = tx;
      const noted: typeof send = (text, values) => {
        statements.push(text);
        send(text, values);
      };
      return action(Object.assign(tx, { send: noted }));
    }, options);
  return { catalog: { ...catalog, db: { ...catalog.db, write } }, writes };
}

let uploads = 0;

function testCatalog(base: Catalog & { db: TestDatabase }, clock: { now: number }, registryId: number): TestCatalog {
  const { db } = base;
  return {
    ...base,
    clock,
    registryId,
    registry: async (name) => testCatalog(base, clock, await ensureRegistry(base, name)),
    async blob(name, content, mediaType = layerType) {
      const digest = digestOf(content);
      const blob = { digest, size: Buffer.byteLength(content), key: `${digest}-${uploads++}` };
      await db.write((tx) => commitBlob(base, tx, registryId, name, blob));
      return { digest, size: blob.size, mediaType };
    },
    async push(name, json, { tags = [], mediaType = (json as { mediaType: string }).mediaType } = {}) {
      const bytes = new TextEncoder().encode(JSON.stringify(json));
      const digest = digestOf(bytes);
      await putManifest(base, registryId, name, { digest, bytes, parsed: parseManifest(bytes, mediaType), tags });
      return { digest, size: bytes.byteLength, mediaType };
    },
    image: ([config, ...layers], more = {}) => ({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers,
      ...more,
    }),
    has: async (name, digest) => (await findManifestFacts(base, registryId, name, { digest })) !== undefined,
    hasBlob: async (name, digest) => (await findLinkedBlob(base, registryId, name, digest)) !== undefined,
    async repository(name) {
      const found = await findRepository(base, registryId, name);
      if (!found) throw new Error(`no repository ${name}`);
      return found;
    },
    async count(table) {
      const row = await db.first<{ n: number }>(`SELECT count(*) AS n FROM ${table}`, []);
      return row!.n;
    },
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

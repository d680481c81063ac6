import { describe, expect, test } from 'bun:test';
import type { KyselyPlugin } from 'kysely';
import { sql } from 'kysely';
import { findBlob } from '../content/index.ts';
import type { Database, Parameter, Transaction } from '../database/index.ts';
import { digestOf, fallbackTag, mediaTypes, parseManifest } from '../oci/index.ts';
import { collectStep } from './collect.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findBlobToKeep, findLinkedBlob } from './find-blob.ts';
import { findManifest, findManifestFacts, findManifestToKeep } from './find-manifest.ts';
import { listGarbage } from './garbage.ts';
import { dropMissingBlob } from './heal.ts';
import { commitBlob, deleteBlob, mountBlob } from './links.ts';
import { putManifest } from './put-manifest.ts';
import { listReferrers } from './referrers.ts';
import { findRepository, listRepositories } from './repositories.ts';
import { deleteTag, listTags } from './tags.ts';
import { day, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

interface Statement {
  text: string;
  parameters: readonly Parameter[];
}

/** The database, which notes every statement that passes. */
function recording(db: Database, statements: Statement[]): Database {
  const note = (text: string, parameters: readonly Parameter[]) => void statements.push({ text, parameters });
  const recorder = (tx: Transaction): KyselyPlugin => ({
    transformQuery({ node, queryId }) {
      const query = tx.getExecutor().compileQuery(node, queryId);
      note(query.sql, query.parameters as Parameter[]);
      return node;
    },
    transformResult: async ({ result }) => result,
  });
  return {
    ...db,
    first(text, parameters) {
      note(text, parameters);
      return db.first(text, parameters);
    },
    all(text, parameters) {
      note(text, parameters);
      return db.all(text, parameters);
    },
    write: (action, options) => db.write((tx) => action(tx.withPlugin(recorder(tx))), options),
  };
}

const rows = 20_000;

/** One repository with many of everything beside as many repositories with little. */
async function fill(catalog: TestCatalog): Promise<void> {
  const { registryId: registry } = catalog;
  const { id } = await catalog.repository('a');
  const digest = `'sha256:' || n`;
  const rowsOf = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const scope = `registry_id, repository_id`;
  const bytes = catalog.db.dialect === 'sqlite' ? `x''` : `''::bytea`;
  const subject = `CASE WHEN n % 10 = 0 THEN 'sha256:' || (n / 100) END`;
  await catalog.db.write(async (tx) => {
    for (const statement of [
      rowsOf('repositories', 'registry_id, name, created_at', `${registry}, 'r' || n, 0`),
      rowsOf('blobs', 'digest, size, key, created_at', `${digest}, 1, 'k' || n, 0`),
      rowsOf(
        'blob_links',
        `${scope}, digest, "key", size, created_at`,
        `${registry}, ${id}, ${digest}, 'k' || n, 1, 0`,
      ),
      rowsOf(
        'blob_links',
        `${scope}, digest, "key", size, created_at`,
        `${registry}, ${id} + n, ${digest}, 'k' || n, 1, 0`,
      ),
      rowsOf(
        'manifests',
        `${scope}, digest, media_type, kind, size, subject_digest, pushed_at, bytes`,
        `${registry}, ${id}, ${digest}, 'x', 'image', 1, ${subject}, 0, ${bytes}`,
      ),
      rowsOf(
        'manifest_references',
        `${scope}, manifest_digest, digest, role, required, size, media_type`,
        `${registry}, ${id}, 'sha256:' || (n / 4), ${digest}, 'layer', 1, 1, 'x'`,
      ),
      rowsOf('tags', `${scope}, name, digest, created_at, updated_at`, `${registry}, ${id}, 't' || n, ${digest}, 0, 0`),
      rowsOf('tag_history', `${scope}, tag, digest, at`, `${registry}, ${id}, 't' || n, ${digest}, 0`),
      rowsOf(
        'gc_candidates',
        `${scope}, kind, digest, not_before`,
        `${registry}, ${id} + n, 'link', ${digest}, ${catalog.clock.now} + n`,
      ),
    ]) {
      await statement.execute(tx);
    }
  });
  // SQLite plans without statistics, as it does in a registry that nobody tunes; PostgreSQL gathers them by itself.
  if (catalog.db.dialect === 'postgres') await sql`ANALYZE`.execute(catalog.db.read);
}

/** Runs everything that a request or the collector does. */
async function exercise(catalog: TestCatalog, statements: Statement[]): Promise<void> {
  const recorded = { ...catalog, db: recording(catalog.db, statements) };
  const { registryId } = catalog;
  const config = await catalog.blob('a', '{}');
  const spare = { digest: digestOf('spare'), size: 5, key: 'spare' };
  for (let round = 0; round < 2; round++) {
    await recorded.db.write((tx) => commitBlob(recorded, tx, registryId, 'a', spare));
  }
  await mountBlob(recorded, registryId, 'b', config.digest, 'a');
  await mountBlob(recorded, registryId, 'c', config.digest, undefined);
  const put = async (json: object, tags: string[] = []) => {
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    const { mediaType } = json as { mediaType: string };
    const digest = digestOf(bytes);
    await putManifest(recorded, registryId, 'a', { digest, bytes, parsed: parseManifest(bytes, mediaType), tags });
    return { digest, size: bytes.byteLength, mediaType };
  };
  const subject = await put(catalog.image([config]), ['v1', 'v2']);
  const first = subject.digest;
  const referrer = await put(catalog.image([config], { subject }), ['v1']);
  await put(catalog.image([config], { subject }), ['v3']);
  const index = await put({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [referrer] }, [
    fallbackTag(first),
  ]);
  const repository = (await findRepository(recorded, registryId, 'a'))!;
  for (const reference of [{ digest: first }, { tag: 'v1' }]) {
    await findManifest(recorded, registryId, 'a', reference);
    await findManifestFacts(recorded, registryId, 'a', reference);
    await findManifestToKeep(recorded, registryId, 'a', reference);
  }
  await findLinkedBlob(recorded, registryId, 'a', config.digest);
  await findBlobToKeep(recorded, registryId, 'a', config.digest);
  catalog.clock.now += day / 2;
  await findBlobToKeep(recorded, registryId, 'a', spare.digest);
  await findBlob(recorded.db, spare.digest);
  await listTags(recorded, repository, 't1', 10);
  await listRepositories(recorded, registryId, 'r1', 10);
  await listReferrers(recorded, repository, first, { artifactType: undefined, last: '', maxBytes: 1_000_000 });
  await listReferrers(recorded, repository, first, { artifactType: 'x/y', last: '', maxBytes: 1_000_000 });
  await deleteTag(recorded, repository, 'v3');
  await deleteBlob(recorded, repository, spare.digest);
  await deleteManifest(recorded, repository, index.digest);
  await deleteManifest(recorded, repository, first);
  catalog.clock.now += day / 2;
  for (let round = 0; round < 3; round++) {
    for await (const _ of listGarbage(recorded)) break;
    await collectStep(recorded, 50);
    catalog.clock.now += day + 600_000;
  }
  await dropMissingBlob(recorded, 'sha256:1', 'k1');
}

async function planOf({ db }: TestCatalog, { text, parameters }: Statement): Promise<string[]> {
  if (db.dialect === 'sqlite') {
    const lines = await db.all<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`, parameters);
    return lines.map(({ detail }) => detail);
  }
  const lines = await db.all<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, parameters);
  return lines.map((line) => line['QUERY PLAN'].trim());
}

const tables = 'blobs|blob_links|repositories|manifests|manifest_references|tags|tag_history|gc_candidates';
/** A table that is read whole, or all of one repository's rows in it (SQLite). */
const wide = new RegExp(
  `^(?:->\\s*)?(?:SCAN (?:${tables}|[a-z])\\b|Seq Scan on (?:${tables})\\b|.*\\(repository_id=\\?(?: AND subject_digest>\\?)?\\))`,
);
/** These want the first rows of a repository, and no more. */
const firstRows =
  /^(?:SELECT name FROM (?:repositories|tags)|select "digest" from "(?:manifests|blob_links)" where "repository_id" = \?.* limit|delete from "tag_history")/;

/** What PostgreSQL expects the statement to cost; a page it fetches counts 1 to 4. */
function costOf(plan: string[]): number {
  return Number(/cost=[\d.]+\.\.([\d.]+)/.exec(plan[0] ?? '')?.[1] ?? 0);
}

describe('look-ups', () => {
  test('no statement of a request or of the collector reads a whole table', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', '{}');
    await fill(catalog);
    const statements: Statement[] = [];
    await exercise(catalog, statements);
    const distinct = new Map(statements.map((statement) => [statement.text, statement]));
    expect(distinct.size).toBeGreaterThan(50);
    const bad: object[] = [];
    for (const statement of distinct.values()) {
      const plan = await planOf(catalog, statement);
      if (process.env.BONDED_TEST_PLANS) console.log(statement.text, plan);
      const reads =
        plan.some((line) => wide.test(line)) &&
        !(firstRows.test(statement.text) && !plan.some((line) => /SCAN|Seq/.test(line)));
      if (reads || costOf(plan) > 200) bad.push({ text: statement.text, plan });
    }
    expect(bad).toEqual([]);
  }, 60_000);
});

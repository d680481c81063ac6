import { describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { testDialect } from '../../test/support/database.ts';
import { exercise, exerciseCheck, type Recorded } from './exercise.double.ts';
import { foldStorage } from './fold-storage.ts';
import { faultOf, plansOf } from './plan.double.ts';
import { openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

const rows = 20_000;

/** One repository with many of everything beside as many repositories with little. */
async function fill(catalog: TestCatalog, id: number): Promise<void> {
  const { db, registryId, clock } = catalog;
  const digest = `'sha256:' || n`;
  const scope = 'registry_id, repository_id';
  const bytes = db.dialect === 'sqlite' ? `x''` : `''::bytea`;
  const subject = `CASE WHEN n % 10 = 0 THEN 'sha256:' || (n / 100) END`;
  const many = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const link = (repository: string) =>
    many(
      'blob_links',
      `${scope}, digest, "key", size, created_at`,
      `${registryId}, ${repository}, ${digest}, 'k' || n, 1, 0`,
    );
  const statements = [
    many('repositories', 'registry_id, name, created_at', `${registryId}, 'r' || n, 0`),
    many('blobs', 'digest, size, "key", created_at, deleting', `${digest}, 1, 'k' || n, 0, (n % 100) / 99`),
    link(`${id}`),
    link(`${id} + n`),
    many(
      'manifests',
      `${scope}, digest, media_type, kind, size, subject_digest, pushed_at, bytes`,
      `${registryId}, ${id}, ${digest}, 'x', 'image', 1, ${subject}, 0, ${bytes}`,
    ),
    many(
      'manifest_references',
      `${scope}, manifest_digest, digest, role, required, size, media_type`,
      `${registryId}, ${id}, 'sha256:' || (n / 4), ${digest}, 'layer', 1, 1, 'x'`,
    ),
    many('tags', `${scope}, name, digest, created_at, updated_at`, `${registryId}, ${id}, 't' || n, ${digest}, 0, 0`),
    many('pulls', `${scope}, reference, last_pull_at, pulls`, `${registryId}, ${id}, 't' || n, 0, 1`),
    many('pulls', `${scope}, reference, last_pull_at, pulls`, `${registryId}, ${id} + n, ${digest}, 0, 1`),
    many('region_pulls', 'registry_id, region, day, pulls', `${registryId} + n, 'r' || (n % 100), n % 30, 1`),
    many('tag_history', `${scope}, tag, digest, at`, `${registryId}, ${id}, 't' || n, ${digest}, 0`),
    many(
      'gc_candidates',
      `${scope}, kind, digest, not_before`,
      `${registryId}, ${id} + n, 'link', ${digest}, ${clock.now} + n`,
    ),
    many('events', 'registry_id, type, data, at', `${registryId}, 'tag.moved', '{}', ${clock.now} + n`),
    many(
      'uploads',
      'id, registry_id, repository, creator, "offset", algorithm, broke_off, started_at, active_at',
      `'u' || n, ${registryId}, 'a', 'nobody', 0, 'sha256', 0, ${clock.now}, ${clock.now} + n`,
    ),
  ];
  await db.write(async (tx) => {
    for (const statement of statements) await statement.execute(tx);
  });
  // As it is where not all of this comes in one transaction.
  for (let round = { from: 0, more: true }; round.more;) round = await foldStorage(catalog, round.from);
  if (db.dialect === 'postgres') await sql.raw('VACUUM FULL storage_deltas').execute(db.read);
}

/** While there is little, `fsck` says soon what it asks. */
async function begin(catalog: TestCatalog): Promise<{ id: number; checks: Recorded }> {
  await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]), { tags: ['first'] });
  return { id: (await catalog.repository('a')).id, checks: await exerciseCheck(catalog) };
}

async function record(catalog: TestCatalog): Promise<Recorded> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-plans-'));
  try {
    const later = (ms: number) => void (catalog.clock.now += ms);
    return await exercise(catalog, catalog.registryId, { repository: 'a', directory, later });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function faults(catalog: TestCatalog, recorded: Recorded, generic = false): Promise<object[]> {
  const plans = await plansOf(catalog.db, recorded, { generic });
  // Everything that is exercised, not some of it.
  expect(plans.length).toBeGreaterThan(70);
  return plans.map((plan) => ({ fault: faultOf(plan), ...plan })).filter(({ fault }) => fault !== undefined);
}

const analyze = async ({ db }: TestCatalog) => void (await db.write((tx) => sql`ANALYZE`.execute(tx)));

describe('no statement of a request or of the background reads more as more is stored', () => {
  test('without statistics, which is how SQLite stays and PostgreSQL begins', async () => {
    await using catalog = await openTestCatalog();
    const { id, checks } = await begin(catalog);
    if (catalog.db.dialect === 'sqlite') await fill(catalog, id);
    const recorded = new Map([...(await record(catalog)), ...checks]);
    expect(await faults(catalog, recorded)).toEqual([]);
    expect(await faults(catalog, recorded, true)).toEqual([]);
  });

  test('with statistics, for the values at hand and for any', async () => {
    await using catalog = await openTestCatalog();
    const { id, checks } = await begin(catalog);
    await fill(catalog, id);
    if (catalog.db.dialect === 'postgres') await analyze(catalog);
    const recorded = new Map([...(await record(catalog)), ...checks]);
    await analyze(catalog);
    expect(await faults(catalog, recorded)).toEqual([]);
    expect(await faults(catalog, recorded, true)).toEqual([]);
  });

  // SQLite has no statistics, and does not know which index is cheaper.
  const onPostgres = testDialect() === 'postgres' ? test : () => {};
  onPostgres(
    'where nearly all repositories are small, and an index with every column is cheaper to read',
    async () => {
      await using catalog = await openTestCatalog();
      const { id } = await begin(catalog);
      await fill(catalog, id);
      const small = `SELECT ${catalog.registryId}, ${id} + r, 't' || n, 'sha256:' || (r * 8 + n)`;
      const of = 'FROM generate_series(1, 5000) AS r, generate_series(1, 8) AS n';
      const scope = 'registry_id, repository_id';
      await catalog.db.write(async (tx) => {
        await sql
          .raw(`INSERT INTO tags (${scope}, name, digest, created_at, updated_at) ${small}, 0, 0 ${of}`)
          .execute(tx);
        await sql
          .raw(
            `INSERT INTO manifest_references (${scope}, manifest_digest, digest, role, required, size, media_type)
          ${small}, 'layer', 1, 1, 'x' ${of}`,
          )
          .execute(tx);
      });
      // As autovacuum leaves it: of pages that everybody sees, the index alone is read.
      await sql.raw('VACUUM ANALYZE').execute(catalog.db.read);
      const recorded = await record(catalog);
      for (const generic of [false, true]) {
        const plans = await plansOf(catalog.db, recorded, { generic });
        expect(plans.filter((plan) => faultOf(plan) !== undefined || plan.skips !== undefined)).toEqual([]);
      }
    },
    60_000,
  );
});

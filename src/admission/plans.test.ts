import { expect, test } from 'bun:test';
import { sql } from 'kysely';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import {
  type Catalog,
  catalogMigrations,
  digestsOfTags,
  earlierDigests,
  isNamed,
  manifestsAmong,
  manifestsNaming,
  pulledDigests,
  readManifest,
  repositoryOfId,
} from '../catalog/index.ts';
import { faultOf, plansOf } from '../catalog/plan.double.ts';
import { recording, type Statement } from '../catalog/statements.double.ts';
import { contentMigrations } from '../content/index.ts';
import { eventMigrations } from '../events/index.ts';
import {
  dueVerdicts,
  followedRegistries,
  hasRecords,
  progressOf,
  releaseImage,
  saveProgress,
  setDue,
  verdictsAfter,
} from './due-store.ts';
import { evaluate } from './evaluate.ts';
import { forgetEvidence, keepEvidence, packEvidence, readEvidence, writeEvidence } from './evidence-store.ts';
import { digestNumber, facts, scan } from './facts.double.ts';
import { expectParts } from './part-store.ts';
import { statedOf, writeStated } from './quarantine-store.ts';
import { findLetting } from './blob-store.ts';
import { admissionMigrations } from './tables.ts';
import type { Digest } from '../oci/index.ts';
import {
  forgetImage,
  markHeld,
  outdate,
  partsOf,
  placesOf,
  readVerdict,
  readVerdicts,
  writeVerdict,
} from './verdict-store.ts';

const rows = 20_000;
const place = { registryId: 1, repositoryId: 7, repository: 'app', digest: digestNumber(7) };

/** One repository with half of all images, and many with few. */
async function fill(db: TestDatabase): Promise<void> {
  const many = (table: string, columns: string, values: string) =>
    sql.raw(
      `INSERT INTO ${table} (${columns}) WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ${rows})
        SELECT ${values} FROM i`,
    );
  const repository = 'CASE n % 2 WHEN 0 THEN 7 ELSE n END';
  const digest = `'sha256:' || CASE n WHEN 7 THEN '${'0'.repeat(63)}7' ELSE 'd' || n END`;
  const image = `1, ${repository}, ${digest}`;
  await db.write(async (tx) => {
    await many('repositories', 'registry_id, name, created_at, listed', `1, 'r' || n, 0, 1`).execute(tx);
    await many(
      'manifests',
      'registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes',
      `${image}, 'm', 'image', 1, n, ${db.dialect === 'sqlite' ? `X'00'` : `'\\x00'::bytea`}`,
    ).execute(tx);
    await many(
      'tags',
      'registry_id, repository_id, name, digest, created_at, updated_at',
      `1, ${repository}, 't' || n, ${digest}, n, n`,
    ).execute(tx);
    await many(
      'tag_history',
      'registry_id, repository_id, tag, digest, at',
      `1, ${repository}, 't' || n % 100, ${digest}, n`,
    ).execute(tx);
    await many(
      'pulls',
      'registry_id, repository_id, reference, last_pull_at, pulls',
      `1, ${repository}, 't' || n, n, 1`,
    ).execute(tx);
    await many(
      'manifest_references',
      'registry_id, repository_id, manifest_digest, digest, role, required, size, media_type',
      `${image}, 'l' || n % 1000, 'layer', 1, 1, 'l'`,
    ).execute(tx);
    await many(
      'verdicts',
      'registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body, evaluated_at, valid_until, due, lets_blobs',
      `${image}, 'allow', 'r', 0, 0, '{}', 0, n * 1000, n * 1000, n % 4 / 2`,
    ).execute(tx);
    await many(
      'quarantine_states',
      'registry_id, repository_id, digest, state, details, version, changed_at, changed_by',
      `${image}, 'Passed', '', 1, 0, 'x'`,
    ).execute(tx);
    await many(
      'evidence',
      'registry_id, digest, kind, body, version, written_at',
      `1, ${digest}, 'scan', ${db.dialect === 'sqlite' ? `X'00'` : `'\\x00'::bytea`}, 1, 0`,
    ).execute(tx);
  });
}

/** Everything that is asked of the tables, on the way of a pull and behind it. */
async function exercise(base: TestDatabase): Promise<Statement[]> {
  const statements: Statement[] = [];
  const db = recording(base, (statement) => statements.push(statement));
  const catalog: Catalog = { db, now: () => 0, gcDelayMs: 1, sparseIndexes: false };
  const { repositoryId, registryId, digest } = place;
  const digests = [digest, digestNumber(8)];
  await writeEvidence(db, registryId, digest, scan());
  const evidence = packEvidence(scan());
  const several = digests.map((each) => ({ registryId, digest: each, evidence }));
  await db.write(async (tx) => keepEvidence(tx, several, 0));
  await readEvidence(db, registryId, digest, 'scan');
  const decision = evaluate(facts(), [], [], 0);
  const verdict = { decision, revision: 'r', evidenceVersion: 0, stateVersion: 0, evaluatedAt: 0, letsBlobs: true };
  await writeVerdict(db, place, verdict, 'm');
  const parts = digests.map((each) => ({ digest: each, evidenceVersion: 1, stateVersion: 0 }));
  await writeVerdict(db, place, verdict, 'm', { parts });
  await expectParts(db, place, [...parts, { digest: digestNumber(900_000), evidenceVersion: 0, stateVersion: 0 }], 0);
  await readVerdict(db, place, 'r', 0);
  await readVerdicts(db, repositoryId, digests, 'r', 0);
  await statedOf(db, repositoryId, digests);
  await findLetting(db, { repositoryId, digest: 'l8' as Digest }, 'r', { behind: '', now: 0 });
  await db.write(async (tx) => {
    await markHeld(tx, place, 0);
    outdate(tx, repositoryId, digests);
    setDue(tx, repositoryId, digest, 5);
    await writeStated(tx, { ...place, state: 'Passed', by: 'x', at: 0 });
    await releaseImage(tx, place, 0);
    await forgetImage(tx, repositoryId, digest);
    await forgetEvidence(tx, registryId, digest);
  });
  await placesOf(db, registryId, digest);
  await partsOf(db, repositoryId, digest);
  await dueVerdicts(db, 2000, 100);
  await verdictsAfter(db, registryId, place, 100);
  await saveProgress(db, registryId, { revision: 'r', done: true, repositoryId: 0, digest: '' });
  await progressOf(db, registryId);
  await followedRegistries(db);
  await hasRecords(db);
  await readManifest(catalog, repositoryId, digest);
  await manifestsAmong(catalog, repositoryId, digests);
  await manifestsNaming(catalog, repositoryId, digest, 64);
  await isNamed(catalog, registryId, digest);
  await repositoryOfId(catalog, repositoryId);
  await earlierDigests(catalog, repositoryId, 't1', 50);
  await digestsOfTags(catalog, repositoryId, ['t1', 't2']);
  await pulledDigests(catalog, repositoryId, 0, 10);
  return statements;
}

/** Registries that ever had rules: there are as many as registries. */
const bounded = /\bFROM admission_progress$|\bFROM (?:admission_progress|evidence|quarantine_states) LIMIT 1$/;

test('no statement of admission reads more as more is stored', async () => {
  const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations];
  await using db = await openTestDatabase(migrations);
  await fill(db);
  await db.write((tx) => sql`ANALYZE`.execute(tx));
  const plans = await plansOf(db, new Map([['admission', await exercise(db)]]));
  expect(plans.length).toBeGreaterThan(20);
  const faults = plans.filter((plan) => !bounded.test(plan.statement) && faultOf(plan) !== undefined);
  expect(faults.map((plan) => ({ fault: faultOf(plan), ...plan }))).toEqual([]);
});

test('nobody believes what an index was decided by, where a part of it has changed meanwhile', async () => {
  const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations];
  await using db = await openTestDatabase(migrations);
  const part = digestNumber(2);
  for (const digest of [place.digest, part]) {
    await db.write(async (tx) => {
      await tx.run(
        `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
          VALUES (?, ?, ?, 'm', 'index', 1, 0, ?)`,
        [1, 7, digest, new Uint8Array(1)],
      );
    });
  }
  const decision = evaluate(facts(), [], [], 0);
  const verdict = { decision, revision: 'r', evidenceVersion: 0, stateVersion: 0, evaluatedAt: 0, letsBlobs: false };
  const versionsOf = async (digest: Digest) => ({
    digest,
    evidenceVersion: (await readEvidence(db, 1, digest, 'scan')).version,
    stateVersion: (await statedOf(db, 7, [digest])).get(digest)?.version ?? 0,
  });
  const isBelieved = async () => (await readVerdict(db, place, 'r', 1)) !== undefined;
  const isDue = async () => (await dueVerdicts(db, 1, 10)).some(({ digest }) => digest === place.digest);
  const changes = [
    () => writeEvidence(db, 1, part, scan()),
    () => db.write(async (tx) => writeStated(tx, { ...place, digest: part, state: 'Failed', by: 'x', at: 0 })),
    () => db.write(async (tx) => forgetEvidence(tx, 1, part)),
  ];
  for (const change of changes) {
    const parts = [await versionsOf(part)];
    await writeVerdict(db, place, verdict, 'm', { parts });
    expect([await isBelieved(), await isDue()]).toEqual([true, false]);
    await change();
    // As if the change had come between the look at the part and the verdict on the index.
    await writeVerdict(db, place, verdict, 'm', { parts });
    expect([await isBelieved(), await isDue()]).toEqual([false, true]);
  }
  // One that is listed twice, and was another one the second time.
  await writeVerdict(db, place, verdict, 'm', {
    parts: [await versionsOf(part), { ...(await versionsOf(part)), stateVersion: 5 }],
  });
  expect(await isBelieved()).toBe(false);
  // What was never decided on is due from now on; what was stays as it is.
  await expectParts(db, place, [await versionsOf(part), await versionsOf(place.digest)], 0);
  expect(await placesOf(db, 1, part)).toEqual([7]);
});

test('a verdict is believed until its rules, its evidence or what was stated are others', async () => {
  const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations];
  await using db = await openTestDatabase(migrations);
  await db.write(async (tx) => {
    await tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
        VALUES (?, ?, ?, 'm', 'image', 1, 0, ?)`,
      [1, 7, place.digest, new Uint8Array(1)],
    );
  });
  await writeEvidence(db, 1, place.digest, scan());
  const { version } = await readEvidence(db, 1, place.digest, 'scan');
  const decision = { ...evaluate(facts(), [], [], 0), validUntil: 100 };
  const verdict = {
    decision,
    revision: 'r',
    evidenceVersion: version,
    stateVersion: 0,
    evaluatedAt: 0,
    letsBlobs: false,
  };
  expect(await writeVerdict(db, place, verdict, 'm')).toBe(true);
  expect(await writeVerdict(db, place, verdict, 'm')).toBe(false);
  const isBelieved = async (revision = 'r', now = 99) => (await readVerdict(db, place, revision, now)) !== undefined;
  expect([await isBelieved(), await isBelieved('s'), await isBelieved('r', 100)]).toEqual([true, false, false]);
  await writeEvidence(db, 1, place.digest, scan());
  expect(await isBelieved()).toBe(false);
  const again = (await readEvidence(db, 1, place.digest, 'scan')).version;
  await writeVerdict(db, place, { ...verdict, evidenceVersion: again }, 'm');
  expect(await isBelieved()).toBe(true);
  await db.write(async (tx) => writeStated(tx, { ...place, state: 'Failed', by: 'x', at: 0 }));
  expect(await isBelieved()).toBe(false);
  // Nothing is recorded of what is gone.
  await db.write(async (tx) => {
    await forgetImage(tx, 7, place.digest);
    await tx.run('DELETE FROM manifests WHERE repository_id = 7', []);
  });
  await writeVerdict(db, place, verdict, 'm');
  expect(await placesOf(db, 1, place.digest)).toEqual([]);
});

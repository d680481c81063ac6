import { expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { type Catalog, catalogMigrations } from '../catalog/index.ts';
import { contentMigrations } from '../content/index.ts';
import { type Database, type Parameter, rowsOf } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import type { Digest } from '../oci/index.ts';
import { dueVerdicts } from './due-store.ts';
import { writeEvidence } from './evidence-store.ts';
import { digestNumber, exception, finding, policy, scan } from './facts.double.ts';
import type { AdmissionRules, RepositoryRules } from './rules.ts';
import { admissionMigrations } from './tables.ts';
import { outdate, readVerdict } from './verdict-store.ts';
import { createVerdicts, type VerdictOptions } from './verdicts.ts';

/* An index, and the image that it lists: what is found in the image reaches the index, whatever happens meanwhile. */

const repositoryId = 7;
const placeOf = (digest: Digest) => ({ registryId: 1, repositoryId, repository: 'app', digest });
const [image, index] = [placeOf(digestNumber(1)), placeOf(digestNumber(2))];
const rules: RepositoryRules = {
  repository: 'app',
  policies: [policy({ severity: 'High' })],
  exceptions: [],
  revision: 'r',
  enforces: true,
  quarantines: false,
  holdsPrevious: false,
  guardsBlobs: false,
  isUnderstood: true,
};

async function openImages(): Promise<TestDatabase> {
  const db = await openTestDatabase([
    ...eventMigrations,
    ...contentMigrations,
    ...catalogMigrations,
    ...admissionMigrations,
  ]);
  const oci = 'application/vnd.oci.image';
  const layer = { mediaType: `${oci}.layer.v1.tar+gzip`, digest: digestNumber(3), size: 1 };
  const config = { mediaType: `${oci}.config.v1+json`, digest: digestNumber(4), size: 1 };
  const manifests: [Digest, string, string, object][] = [
    [image.digest, `${oci}.manifest.v1+json`, 'image', { schemaVersion: 2, config, layers: [layer] }],
    [
      index.digest,
      `${oci}.index.v1+json`,
      'index',
      {
        schemaVersion: 2,
        manifests: [{ mediaType: `${oci}.manifest.v1+json`, digest: image.digest, size: 1 }],
      },
    ],
  ];
  await db.write(async (tx) => {
    for (const [digest, mediaType, kind, content] of manifests) {
      await tx.run(
        `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
          VALUES (1, ?, ?, ?, ?, 1, 0, ?)`,
        [repositoryId, digest, mediaType, kind, Buffer.from(JSON.stringify({ mediaType, ...content }))],
      );
    }
    await tx.run(
      `INSERT INTO manifest_references (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
        VALUES (1, ?, ?, ?, 'child', 1, 1, 'm')`,
      [repositoryId, index.digest, image.digest],
    );
  });
  return db;
}

function verdictsOn(db: Database, more: Partial<VerdictOptions> = {}) {
  const catalog: Catalog = { db, now: () => 0, gcDelayMs: 1, sparseIndexes: false };
  const blobs = {} as VerdictOptions['blobs'];
  return createVerdicts({ catalog, blobs, rules: {} as AdmissionRules, now: Date.now, ...more });
}

const isBelieved = async (db: Database, place: typeof index) =>
  (await readVerdict(db, place, rules.revision, Date.now())) !== undefined;
const isDue = async (db: Database, { digest }: typeof index) =>
  (await dueVerdicts(db, 0, 10)).some((due) => due.digest === digest);

test.each([1, 2])(
  'an index hears of what was found in its image, also where write %i of that breaks off',
  async (nth) => {
    await using db = await openImages();
    await writeEvidence(db, 1, image.digest, scan());
    const verdicts = verdictsOn(db);
    for (const place of [image, index, image, index]) await verdicts.decideAnew(place, rules);
    expect([await isBelieved(db, index), await isDue(db, index)]).toEqual([true, false]);
    await writeEvidence(db, 1, image.digest, scan([finding({ severity: 'Critical' })]));
    let writes = 0;
    const breaking: Database = {
      ...db,
      write: (action, options) => {
        if (++writes === nth) return Promise.reject(new Error('the database is away'));
        return db.write(action, options);
      },
    };
    await expect(verdictsOn(breaking).decideAnew(image, rules)).rejects.toThrow('is away');
    // It is still due, and decided on once more.
    expect((await verdicts.decideAnew(image, rules))!.effect).toBe('deny');
    expect([await isBelieved(db, index), await isDue(db, index)]).toEqual([false, true]);
  },
);

test('the last of thousands of indexes hears of it, too', async () => {
  await using db = await openImages();
  const last = placeOf(digestNumber(20_000));
  const digests = Array.from({ length: 10_500 }, (_, n) => digestNumber(20_000 - n));
  await db.write(async (tx) => {
    await tx.run('UPDATE manifests SET digest = ? WHERE digest = ?', [last.digest, index.digest]);
    for (const { rows, values } of rowsOf<Parameter>(
      digests.map((digest) => [1, repositoryId, digest, image.digest, 'child', 1, 1, 'm']),
    )) {
      tx.send(
        `INSERT INTO manifest_references (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
          VALUES ${rows}`,
        values,
      );
    }
  });
  await writeEvidence(db, 1, image.digest, scan());
  const verdicts = verdictsOn(db);
  for (const place of [image, last, image, last]) await verdicts.decideAnew(place, rules);
  expect(await isBelieved(db, last)).toBe(true);
  await writeEvidence(db, 1, image.digest, scan([finding({ severity: 'Critical' })]));
  await verdicts.decideAnew(image, rules);
  expect([await isBelieved(db, last), await isDue(db, last)]).toEqual([false, true]);
});

test('what is outdated while it is being decided on is decided on once more', async () => {
  await using db = await openImages();
  await verdictsOn(db).decideAnew(image, rules);
  expect([await isBelieved(db, image), await isDue(db, image)]).toEqual([true, false]);
  // As the push of an index does that lists it, after it was asked what lists it.
  const scanWaitsSince = async () => {
    await db.write(async (tx) => outdate(tx, repositoryId, [image.digest]));
    return undefined;
  };
  await verdictsOn(db, { scanWaitsSince }).decideAnew(image, rules);
  expect([await isBelieved(db, image), await isDue(db, image)]).toEqual([false, true]);
  await verdictsOn(db).decideAnew(image, rules);
  expect([await isBelieved(db, image), await isDue(db, image)]).toEqual([true, false]);
});

test('an index hears of what changes while the first verdict on it is being written', async () => {
  await using db = await openImages();
  await writeEvidence(db, 1, image.digest, scan());
  await verdictsOn(db).decideAnew(image, rules);
  let told: Promise<unknown> | undefined;
  const slow: Database = {
    ...db,
    write: (action, options) =>
      db.write(async (tx) => {
        const result = await action(tx);
        if (typeof result !== 'boolean') return result;
        // The verdict: what it was decided by has been looked at, and nothing is committed yet.
        told = db.write(async (other) => outdate(other, repositoryId, [index.digest]));
        for (let n = 0; n < 200; n++) await tx.all('SELECT 1', []);
        return result;
      }, options),
  };
  await verdictsOn(slow).decideAnew(index, rules);
  await told;
  expect([await isBelieved(db, index), await isDue(db, index)]).toEqual([false, true]);
});

test('what only a newer version knows of an image keeps no verdict from being believed', async () => {
  await using db = await openImages();
  for (const { digest } of [image, index]) {
    await db.write(async (tx) => {
      await tx.run(
        `INSERT INTO evidence (registry_id, digest, kind, body, version, written_at) VALUES (1, ?, 'provenance', ?, 5, 0)`,
        [digest, new Uint8Array(1)],
      );
    });
  }
  await writeEvidence(db, 1, image.digest, scan());
  for (const place of [image, index, image, index]) await verdictsOn(db).decideAnew(place, rules);
  for (const place of [image, index])
    expect([await isBelieved(db, place), await isDue(db, place)]).toEqual([true, false]);
});

test('an exception for an index holds for what it lists, however many others list that', async () => {
  await using db = await openImages();
  const last = placeOf(digestNumber(900));
  await db.write(async (tx) => {
    await tx.run('UPDATE manifests SET digest = ? WHERE digest = ?', [last.digest, index.digest]);
    for (let n = 800; n <= 900; n++) {
      await tx.run(
        `INSERT INTO manifest_references (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
          VALUES (1, ?, ?, ?, 'child', 1, 1, 'm')`,
        [repositoryId, digestNumber(n), image.digest],
      );
    }
  });
  const found = finding({ severity: 'Critical' });
  await writeEvidence(db, 1, image.digest, scan([found]));
  const excepted = exception({
    vulnerability: found.id,
    digests: [last.digest],
    approvedAt: Date.now(),
    expiresAt: Date.now() + 60_000,
  });
  const decided = await verdictsOn(db).decideAnew(last, { ...rules, exceptions: [excepted] });
  expect(decided!.effect).toBe('allow');
});

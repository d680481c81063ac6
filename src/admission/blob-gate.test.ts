import { afterAll, beforeAll, expect, test } from 'bun:test';
import { openTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { type Catalog, catalogMigrations } from '../catalog/index.ts';
import { recording } from '../catalog/statements.double.ts';
import { contentMigrations } from '../content/index.ts';
import { rowsOf } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import { createBlobGate } from './blob-gate.ts';
import type { Decision } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { digestNumber, facts, policy } from './facts.double.ts';
import type { RepositoryRules } from './rules.ts';
import { admissionMigrations } from './tables.ts';
import type { Verdicts } from './verdicts.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await openTestDatabase([...eventMigrations, ...contentMigrations, ...catalogMigrations, ...admissionMigrations]);
});
afterAll(() => db[Symbol.asyncDispose]());

const blob = digestNumber(999_999);
const guarding = policy({ blobs: 'admitted' });
const rules: RepositoryRules = {
  repository: 'prod/app',
  policies: [guarding],
  exceptions: [],
  revision: 'r',
  enforces: true,
  quarantines: false,
  holdsPrevious: false,
  guardsBlobs: true,
  isUnderstood: true,
};
const allowed = evaluate(facts(), [], [], 0);
const pending = evaluate(facts(), [guarding], [], 0);

/** A gate that counts what it asks, beside images of a repository of its own that have the blob. */
async function gateOf(repositoryId: number, images: number, recorded: Decision | undefined, decided: Decision) {
  const rows = Array.from({ length: images }, (_, n) => [
    1,
    repositoryId,
    digestNumber(n + 1),
    blob,
    'layer',
    1,
    1,
    'l',
  ]);
  await db.write(async (tx) => {
    for (const { rows: list, values } of rowsOf(rows))
      tx.send(
        `INSERT INTO manifest_references (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
          VALUES ${list}`,
        values,
      );
    if (!recorded) return;
    await tx.run(
      `INSERT INTO verdicts (registry_id, repository_id, digest, effect, revision, evidence_version, state_version, body,
          evaluated_at, valid_until, due, lets_blobs) VALUES (1, ?, ?, ?, 'r', 0, 0, ?, 0, 1000000, 1000000, 1)`,
      [repositoryId, digestNumber(images), recorded.effect, JSON.stringify(recorded)],
    );
  });
  const seen = { statements: 0, decided: 0, wanted: 0, at: 0 };
  const counted = recording(db, () => void seen.statements++);
  const verdicts = { recorded: async () => new Map(), decide: async () => (seen.decided++, decided) };
  const gate = createBlobGate({
    catalog: { db: counted, now: () => seen.at, gcDelayMs: 1, sparseIndexes: false } satisfies Catalog,
    verdicts: verdicts as unknown as Verdicts,
    wanted: () => void seen.wanted++,
    now: () => seen.at,
  });
  const place = { registryId: 1, repositoryId, repository: 'prod/app', digest: blob };
  const pull = { place, puller: { has: () => false }, passed: () => {} };
  return {
    seen,
    place,
    admit: (by = rules) => gate.admit(by, pull),
    mayTake: () => gate.mayTake(rules, place, pull.puller),
  };
}

test('nothing is asked where no policy asks for an image, nor for half a second after a blob was let out', async () => {
  const { seen, admit } = await gateOf(1, 3, allowed, pending);
  expect(admit({ ...rules, guardsBlobs: false })).toBeUndefined();
  expect(seen.statements).toBe(0);
  await admit();
  expect(seen).toMatchObject({ statements: 1, decided: 0 });
  seen.at = 499;
  expect(admit()).toBeUndefined();
  seen.at = 500;
  await admit();
  expect(seen).toMatchObject({ statements: 2, decided: 0 });
});

test('what ends sooner is believed no longer than that, and other rules have let out nothing', async () => {
  const { seen, admit } = await gateOf(2, 1, { ...allowed, validUntil: 1_000_000 }, pending);
  seen.at = 999_900;
  await admit();
  seen.at = 999_999;
  expect(admit()).toBeUndefined();
  await expect(admit({ ...rules, revision: 's' })).rejects.toMatchObject({ code: 'DENIED' });
  expect(seen.decided).toBe(1);
});

test('where nothing is recorded, some of the images that have a blob are decided on, until one lets it out', async () => {
  const { seen, admit } = await gateOf(3, 100, undefined, allowed);
  await admit();
  expect(seen.decided).toBe(1);
});

test('16 of them at most for one pull; the first is scanned before others', async () => {
  const { seen, admit, mayTake } = await gateOf(4, 100, undefined, pending);
  await expect(admit()).rejects.toMatchObject({
    code: 'DENIED',
    message: expect.stringMatching(
      /^prod\/app@sha256:0{12} belongs to images that are not let out, such as prod\/app@sha256:0{12} is denied by policy "p": it has not been scanned yet/,
    ),
  });
  expect(seen).toMatchObject({ decided: 16, wanted: 1 });
  expect(await mayTake()).toBe(false);
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { testDialect } from '../../test/support/database.ts';
import { until } from '../../test/support/worker-processes.ts';
import { contentMigrations } from '../content/index.ts';
import { openDatabase } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import { digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { commitBlob, mountBlob } from './links.ts';
import { putManifest } from './put-manifest.ts';
import { expectCounted } from './recount.double.ts';
import { createStorageLimiter, type StorageLimits } from './storage-limiter.ts';
import { isOverLimit, roomFor } from './storage-limits.ts';
import { catalogMigrations } from './tables.ts';
import { openTestCatalog, refusal } from './test-catalog.double.ts';
import { bytesOf, registryUsage, repositoryUsage } from './usage.ts';

const limited = <T extends Catalog>(catalog: T, limits: StorageLimits): T => ({
  ...catalog,
  storageLimiter: createStorageLimiter(() => limits),
});

const mib = 2 ** 20;

let made = 0;
function push(catalog: Catalog, registryId: number, name: string, content: string, size = content.length) {
  const blob = { digest: digestOf(content), size, key: `${content} ${made++}` };
  return catalog.db.write((tx) => commitBlob(catalog, tx, registryId, name, blob));
}

/** What becomes of many at once: how many were done; anything but a refusal for want of space throws. */
async function count(pushes: Promise<unknown>[]): Promise<number> {
  const outcomes = await Promise.allSettled(pushes);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected' && !isOverLimit(outcome.reason)) throw outcome.reason;
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
}

describe('whatever is pushed at once, through whichever connection', () => {
  const units = { bytes: 1, 'so much that processes take slices of it': 100 * 1024 };
  for (const [what, unit] of Object.entries(units)) {
    test(`never more is committed than the limit, and nothing is refused that fits: ${what}`, async () => {
      await using catalog = await openTestCatalog({ poolSize: 8 });
      const { registryId, db } = catalog;
      // As another node: it knows nothing of what this one remembers.
      const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];
      const another = testDialect() === 'postgres' ? await openDatabase({ ...db.options, migrations }) : db;
      const one = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.nat(2), fc.boolean());
      try {
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(one, { minLength: 4, maxLength: 24 }), { minLength: 1, maxLength: 3 }),
            fc.integer({ min: 0, max: 1500 }),
            async (waves, room) => {
              const limit = bytesOf(await registryUsage(catalog, registryId)) + room * unit;
              const nodes = [catalog, { ...catalog, db: another }].map((node) =>
                limited<Catalog>(node, { registry: limit, repository: () => undefined }),
              );
              for (const pushes of waves) {
                const run = made++;
                const outcomes = await Promise.allSettled(
                  pushes.map(([size, repository, node], n) =>
                    push(nodes[node ? 1 : 0]!, registryId, `r${repository}`, `${run} ${n}`, size * unit),
                  ),
                );
                const used = bytesOf(await registryUsage(catalog, registryId));
                expect(used).toBeLessThanOrEqual(limit);
                // What was refused did not fit beside what is there now, since nothing was taken away.
                for (const [n, outcome] of outcomes.entries()) {
                  if (outcome.status === 'fulfilled') continue;
                  expect(isOverLimit(outcome.reason)).toBe(true);
                  expect(pushes[n]![0] * unit).toBeGreaterThan(limit - used);
                }
                // Between the waves, slices are taken.
                await until(() => nodes.every(({ storageLimiter }) => storageLimiter!.asking === 0));
              }
            },
          ),
          { numRuns: Math.min(Number(process.env['BONDED_TEST_RUNS'] ?? 25), 200) },
        );
        await expectCounted(db);
      } finally {
        if (another !== db) await another.close();
      }
    }, 120_000);
  }

  test('of one large room, small pushes take their parts together, and the last ones take turns', async () => {
    await using catalog = await openTestCatalog({ poolSize: 12 });
    const { registryId } = catalog;
    // In slices, until less than 64 MiB are left.
    const limit = 300 * mib;
    const node = limited(catalog, { registry: limit, repository: () => undefined });
    await push(node, registryId, 'r', 'most', 220 * mib);
    const done = await count(
      Array.from({ length: 600 }, (_, n) => push(node, registryId, `r${n % 2}`, `small ${n}`, mib / 4)),
    );
    expect(done).toBe(320);
    expect(bytesOf(await registryUsage(catalog, registryId))).toBe(limit);
  });
});

test('a blob that is there costs nothing, for the registry or the repository', async () => {
  await using catalog = await openTestCatalog();
  const { registryId } = catalog;
  await push(catalog, registryId, 'a', 'layer');
  const full = limited(catalog, { registry: 5, repository: (name) => (name === 'b' ? 5 : undefined) });
  await push(full, registryId, 'a', 'layer');
  expect(await mountBlob(full, registryId, 'b', digestOf('layer'), 'a', () => true)).toBe(true);
  expect(await mountBlob(full, registryId, 'b', digestOf('layer'), 'a', () => true)).toBe(true);
  expect(await refusal(push(full, registryId, 'a', 'more'))).toMatchObject({
    code: 'DENIED',
    status: 403,
    detail: { reason: 'storage_limit', level: 'registry', used: 5, limit: 5, needed: 4 },
  });
  await push(catalog, registryId, 'a', 'more');
  const mount = mountBlob(full, registryId, 'b', digestOf('more'), 'a', () => true);
  expect(await refusal(mount)).toMatchObject({ detail: { level: 'repository', repository: 'b', used: 5, needed: 4 } });
  expect(await repositoryUsage(catalog, await catalog.repository('b'))).toMatchObject({ blobs: 1, blobBytes: 5 });
});

test('manifests count, and a refused one leaves no repository and no tag', async () => {
  await using catalog = await openTestCatalog();
  const { registryId } = catalog;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }));
  const manifest = { digest: digestOf(bytes), bytes, parsed: parseManifest(bytes, mediaTypes.ociIndex), tags: ['v1'] };
  const full = limited(catalog, { registry: bytes.length - 1, repository: () => undefined });
  expect(await refusal(putManifest(full, registryId, 'a', manifest))).toMatchObject({ code: 'DENIED' });
  expect(await catalog.count('repositories')).toBe(0);
  expect(await catalog.count('tags')).toBe(0);
  const enough = limited(catalog, { registry: bytes.length, repository: () => bytes.length });
  await putManifest(enough, registryId, 'a', manifest);
  await putManifest(enough, registryId, 'a', { ...manifest, tags: ['v2'] });
  expect(bytesOf(await registryUsage(catalog, registryId))).toBe(bytes.length);
});

test('room is what the tightest limit leaves, without end for what is there, and is looked for again', async () => {
  await using catalog = await openTestCatalog();
  const { registryId } = catalog;
  await push(catalog, registryId, 'a', 'layer');
  expect(await roomFor(catalog, registryId, 'a')).toBeUndefined();
  const node = limited(catalog, { registry: 100, repository: (name) => (name === 'a' ? 20 : 200) });
  const room = (await roomFor(node, registryId, 'a'))!;
  expect(room.bytes).toBe(15);
  expect(room.refusal(16).detail).toMatchObject({ level: 'repository', used: 5, limit: 20, needed: 16 });
  expect((await roomFor(node, registryId, 'new'))!.bytes).toBe(95);
  const digest = digestOf('layer');
  expect(await roomFor(node, registryId, 'a', { digest })).toBeUndefined();
  // The registry has it, the repository does not; which is not for everybody to know.
  expect((await roomFor(node, registryId, 'b', { digest, viewer: { seesAll: true } }))!.bytes).toBe(200);
  expect((await roomFor(node, registryId, 'b', { digest }))!.bytes).toBe(95);
  await push(node, registryId, 'a', 'more');
  await room.renew();
  expect(room.bytes).toBe(11);
});

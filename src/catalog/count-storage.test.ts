import { expect, test } from 'bun:test';
import { freshDatabaseOptions, testDialect } from '../../test/support/database.ts';
import { contentMigrations } from '../content/index.ts';
import { type Database, openDatabase } from '../database/index.ts';
import { eventMigrations } from '../events/index.ts';
import { digestOf } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { countStorage, isStorageCounted } from './count-storage.ts';
import { commitBlob, deleteBlob } from './links.ts';
import { expectCounted } from './recount.double.ts';
import { ensureRegistry } from './registries.ts';
import { findRepository } from './repositories.ts';
import { catalogMigrations } from './tables.ts';

const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];
const former = migrations.filter(({ name }) => name < '0040');

const over = (db: Database): Catalog => ({ db, now: Date.now, gcDelayMs: 1000, sparseIndexes: false });

/** Blobs of three repositories, some of which have the same; and manifests. */
async function fill(db: Database): Promise<number> {
  const registryId = await ensureRegistry(over(db), 'default');
  for (let n = 0; n < 900; n++) await link(db, registryId, `r${n % 3}`, `blob ${n % 700}`);
  const many = `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 600)`;
  await db.write((tx) =>
    tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
        ${many} SELECT r.registry_id, r.id, 'sha256:' || n, 'x', 'index', n, 0, ${db.dialect === 'sqlite' ? `x''` : `''::bytea`}
        FROM i, repositories r`,
      [],
    ),
  );
  return registryId;
}

const link = (db: Database, registryId: number, name: string, content: string) =>
  db.write((tx) =>
    commitBlob(over(db), tx, registryId, name, { digest: digestOf(content), size: content.length, key: content }),
  );

test('what was there before is counted in the background, while others push and delete', async () => {
  await using options = await freshDatabaseOptions(former);
  const before = await openDatabase(options);
  const registryId = await fill(before);
  // A node of the version before goes on with the newer schema.
  const older = testDialect() === 'postgres' ? before : undefined;
  if (!older) await before.close();
  const db = await openDatabase({ ...options, migrations });
  try {
    expect(await isStorageCounted(over(db))).toBe(false);
    let rounds = 0;
    const repository = (await findRepository(over(db), registryId, 'r0'))!;
    const counting = (async () => {
      while (await countStorage(over(db))) rounds++;
    })();
    const busy = (async () => {
      for (let n = 0; n < 120; n++) {
        await link(n % 2 && older ? older : db, registryId, `r${n % 4}`, `blob ${n * 11}`);
        await deleteBlob(over(older ?? db), repository, digestOf(`blob ${n * 3}`)).catch(() => {});
      }
    })();
    await Promise.all([counting, busy]);
    while (await countStorage(over(db)));
    expect(await isStorageCounted(over(db))).toBe(true);
    expect(rounds).toBeGreaterThan(4);
    await expectCounted(db);
    if (older) {
      await link(older, registryId, 'r0', 'of the older one');
      await expectCounted(db);
    }
    expect(await countStorage(over(db))).toBe(false);
  } finally {
    await db.close();
    await older?.close();
  }
});

test('in a database that is new there is nothing to count', async () => {
  await using options = await freshDatabaseOptions(migrations);
  const db = await openDatabase(options);
  expect(await isStorageCounted(over(db))).toBe(true);
  await db.close();
});

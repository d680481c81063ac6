import { expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { digestOf, mediaTypes, parseManifest } from '../oci/index.ts';
import { addCandidates } from './candidates.ts';
import { collectStep } from './collect.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findLinkedBlob } from './find-blob.ts';
import { findManifestFacts } from './find-manifest.ts';
import { putManifest } from './put-manifest.ts';
import { day, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

/** A catalog whose transactions wait before their commit, until the test says so. */
function holdCommits(catalog: TestCatalog) {
  const acted = Promise.withResolvers<void>();
  const committing = Promise.withResolvers<void>();
  const db: typeof catalog.db = {
    ...catalog.db,
    write: (action, options) =>
      catalog.db.write(async (tx) => {
        const value = await action(tx);
        acted.resolve();
        await committing.promise;
        return value;
      }, options),
  };
  return { held: { ...catalog, db }, acted: acted.promise, commit: () => committing.resolve() };
}

/** Resolves when something waits for a lock, or has ended without. */
async function untilWaiting({ db }: TestCatalog, action: Promise<unknown>): Promise<void> {
  let ended = false;
  void action.finally(() => (ended = true)).catch(() => {});
  const waiting = `SELECT count(*) AS n FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  while (!ended && (await db.first<{ n: number }>(waiting, []))!.n === 0) await Bun.sleep(5);
}

// SQLite has no two transactions at a time.
if (testDialect() === 'postgres') {
  test('the collector waits for a delete that gives what it looks at the full delay', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const { digest } = await catalog.push('a', catalog.image([config]));
    const repository = await catalog.repository('a');
    // As where a push and a delete crossed: the queue names what a manifest holds.
    await catalog.db.write(async (tx) => addCandidates(catalog, tx, repository, 'link', [config.digest], 0));
    const { held, acted, commit } = holdCommits(catalog);
    const deleting = deleteManifest(held, repository, digest);
    await acted;
    const collecting = collectStep(catalog);
    await untilWaiting(catalog, collecting);
    commit();
    await deleting;
    expect(await collecting).toMatchObject({ examined: 1, links: 0 });
    expect((await findLinkedBlob(catalog, catalog.registryId, 'a', config.digest)) !== undefined).toBe(true);
    catalog.clock.now += day;
    expect(await collectStep(catalog)).toMatchObject({ links: 1, blobs: 1 });
  });

  test('the delete of a manifest waits for a push that takes its tag', async () => {
    await using catalog = await openTestCatalog();
    const config = await catalog.blob('a', '{}');
    const old = await catalog.push('a', catalog.image([config]), { tags: ['v1'] });
    const repository = await catalog.repository('a');
    const json = catalog.image([config], { annotations: { n: 'new' } });
    const bytes = Buffer.from(JSON.stringify(json));
    const { held, acted, commit } = holdCommits(catalog);
    const parsed = parseManifest(bytes, mediaTypes.ociManifest);
    const pushing = putManifest(held, catalog.registryId, 'a', {
      digest: digestOf(bytes),
      bytes,
      parsed,
      tags: ['v1'],
    });
    await acted;
    const deleting = deleteManifest(catalog, repository, old.digest);
    await untilWaiting(catalog, deleting);
    commit();
    await Promise.all([pushing, deleting]);
    const now = await findManifestFacts(catalog, catalog.registryId, 'a', { tag: 'v1' });
    expect(now?.digest).toBe(digestOf(bytes));
  });
}

import { describe, expect, test } from 'bun:test';
import { addCandidates } from './candidates.ts';
import { collectStep } from './collect.ts';
import { deleteManifest } from './delete-manifest.ts';
import { collectAfter, day, nothing, openTestCatalog, refusal } from './test-catalog.double.ts';

describe('repositories', () => {
  test('an empty one goes after the delay, in two steps, with the history of its tags', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.push('a', catalog.image([await catalog.blob('a', '{}')]), { tags: ['v1'] });
    const { id } = await catalog.repository('a');
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await collectAfter(catalog, day)).toMatchObject({ links: 1, blobs: 1, repositories: 0 });
    expect(await collectAfter(catalog, day)).toEqual(nothing);
    expect(await catalog.count('repositories')).toBe(1);
    expect(await collectAfter(catalog, 600_000)).toEqual({ ...nothing, repositories: 1 });
    expect(await catalog.db.first('SELECT 1 FROM tag_history', [])).toBeUndefined();
    await catalog.blob('a', '{}');
    expect((await catalog.repository('a')).id).not.toBe(id);
  });

  test('a push takes a repository back that is on its way out', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', 'layer');
    const { id } = await catalog.repository('a');
    await collectAfter(catalog, day);
    await collectAfter(catalog, day);
    const config = await catalog.blob('a', '{}');
    await catalog.push('a', catalog.image([config]));
    expect(await collectAfter(catalog, 9 * day)).toEqual(nothing);
    expect((await catalog.repository('a')).id).toBe(id);
    expect(await catalog.count('gc_candidates')).toBe(0);
  });

  test('content that arrived without taking the mark back does so afterwards', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', 'layer');
    await collectAfter(catalog, day);
    await collectAfter(catalog, day);
    const { id } = await catalog.repository('a');
    const { retiring_at } = (await catalog.db.first<{ retiring_at: number }>(
      'SELECT retiring_at FROM repositories',
      [],
    ))!;
    expect(retiring_at).toBe(catalog.clock.now);
    // As by a transaction that had read the row before it was marked.
    await catalog.db.write((tx) => tx.updateTable('repositories').set({ retiring_at: null }).execute());
    const config = await catalog.blob('a', '{}');
    await catalog.push('a', catalog.image([config]));
    await catalog.db.write((tx) => tx.updateTable('repositories').set({ retiring_at }).execute());
    await collectAfter(catalog, 600_000);
    expect(await catalog.db.first('SELECT id, retiring_at FROM repositories', [])).toEqual({ id, retiring_at: null });
  });
});

describe('the collector', () => {
  test('leaves a repository that was just marked, whatever the queue says', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', 'layer');
    await collectAfter(catalog, day);
    await collectAfter(catalog, day);
    const scope = await catalog.repository('a');
    const due = () =>
      catalog.db.write(async (tx) => addCandidates(catalog, tx, scope, 'repository', [''], catalog.clock.now));
    await due();
    expect(await collectStep(catalog)).toMatchObject({ examined: 1, repositories: 0 });
    catalog.clock.now += 600_000;
    await due();
    expect(await collectStep(catalog)).toMatchObject({ examined: 1, repositories: 1 });
  });

  test('lesson 51: looks at candidates whose time has come and at nothing else', async () => {
    await using catalog = await openTestCatalog();
    for (let n = 0; n < 20; n++) await catalog.blob('a', `layer ${n}`);
    expect(await collectStep(catalog)).toMatchObject({ examined: 0 });
    catalog.clock.now += day;
    expect(await collectStep(catalog, 7)).toMatchObject({ examined: 7, links: 7, blobs: 7 });
    expect(await catalog.count('blob_links')).toBe(13);
  });

  test('goes on past a candidate that fails, and tries it again later', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', 'one');
    await catalog.blob('a', 'two');
    catalog.clock.now += day;
    let broken = true;
    const write: typeof catalog.db.write = (action) => {
      const fails = broken;
      broken = false;
      return fails ? Promise.reject(new Error('broken')) : catalog.db.write(action);
    };
    const done = await collectStep({ ...catalog, db: { ...catalog.db, write } });
    expect(done).toMatchObject({ examined: 2, links: 1, failures: [{ candidate: { kind: 'link' } }] });
    expect(await collectStep(catalog)).toMatchObject({ examined: 0 });
    expect(await collectAfter(catalog, 600_000)).toMatchObject({ links: 1, blobs: 1 });
  });

  test('says so when nothing can be done at all', async () => {
    await using catalog = await openTestCatalog();
    await catalog.blob('a', 'one');
    catalog.clock.now += day;
    const db = { ...catalog.db, write: () => Promise.reject(new Error('the disk is gone')) };
    expect(await refusal(collectStep({ ...catalog, db }))).toMatchObject({ message: 'the disk is gone' });
  });
});

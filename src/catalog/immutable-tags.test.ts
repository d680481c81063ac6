import { describe, expect, test } from 'bun:test';
import { testDialect } from '../../test/support/database.ts';
import { deleteManifest } from './delete-manifest.ts';
import { findManifestFacts } from './find-manifest.ts';
import { restoreTag } from './tag-history.ts';
import type { TagMutability } from './tag-mutability.ts';
import { deleteTag } from './tags.ts';
import { openTestCatalog, refusal, type TestCatalog } from './test-catalog.double.ts';

const open = (rule: TagMutability, more: { poolSize?: number } = {}) =>
  openTestCatalog({
    ...more,
    tagMutability: (_, repository) => (repository === 'a' ? rule : undefined),
  });
const immutable: TagMutability = { mode: 'IMMUTABLE', exclusions: [] };

async function push(catalog: TestCatalog, n: number | string, tags: string[], name = 'a') {
  const config = await catalog.blob(name, '{}');
  return (await catalog.push(name, catalog.image([config], { annotations: { n: `${n}` } }), { tags })).digest;
}

const digestOfTag = async (catalog: TestCatalog, tag: string, name = 'a') =>
  (await findManifestFacts(catalog, catalog.registryId, name, { tag }))?.digest;

describe('an immutable tag', () => {
  test('is refused to another digest, which then is not there either; the same push changes nothing', async () => {
    await using catalog = await open(immutable);
    const first = await push(catalog, 1, ['v1']);
    const denied = (await refusal(push(catalog, 2, ['v2', 'v1']))) as Error & { detail: unknown };
    expect(denied).toMatchObject({
      code: 'DENIED',
      status: 409,
      detail: { tag: 'v1', digest: first, mode: 'IMMUTABLE' },
    });
    expect(denied.message).toContain(`the tag v1 is immutable here and names ${first}`);
    // None of the push: neither its other tag nor the manifest.
    expect(await digestOfTag(catalog, 'v2')).toBeUndefined();
    expect(await catalog.count('manifests')).toBe(1);
    await push(catalog, 1, ['v1', 'v3']);
    expect([await digestOfTag(catalog, 'v1'), await digestOfTag(catalog, 'v3')]).toEqual([first, first]);
    const moves = await catalog.db.all('SELECT id FROM tag_history WHERE tag = ?', ['v1']);
    expect(moves.length).toBe(1);
  });

  test('holds in its repository alone, and not for what a filter takes out', async () => {
    await using catalog = await open({ mode: 'IMMUTABLE_WITH_EXCLUSION', exclusions: ['latest', 'dev-*'] });
    for (const tag of ['latest', 'dev-1']) {
      await push(catalog, 1, [tag]);
      const second = await push(catalog, 2, [tag]);
      expect(await digestOfTag(catalog, tag)).toBe(second);
    }
    await push(catalog, 1, ['v1'], 'b');
    const second = await push(catalog, 2, ['v1'], 'b');
    expect(await digestOfTag(catalog, 'v1', 'b')).toBe(second);
  });

  test('may be deleted, with its manifest, too, and then be pushed anew', async () => {
    await using catalog = await open(immutable);
    const first = await push(catalog, 1, ['v1']);
    await deleteTag(catalog, await catalog.repository('a'), 'v1');
    const second = await push(catalog, 2, ['v1']);
    expect(await digestOfTag(catalog, 'v1')).toBe(second);
    await deleteManifest(catalog, await catalog.repository('a'), second);
    await push(catalog, 1, ['v1']);
    expect(await digestOfTag(catalog, 'v1')).toBe(first);
  });

  test('is not moved by an undelete, forced or not', async () => {
    await using catalog = await open(immutable);
    const first = await push(catalog, 1, ['v1']);
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'v1');
    const second = await push(catalog, 2, ['v1']);
    expect(await refusal(restoreTag(catalog, repository, 'v1', { digest: first }))).toMatchObject({ status: 409 });
    const denied = await refusal(restoreTag(catalog, repository, 'v1', { digest: first, force: true }));
    expect(denied).toMatchObject({ code: 'DENIED', status: 409 });
    expect(await digestOfTag(catalog, 'v1')).toBe(second);
  });
});

// A race is lost now and then only. On SQLite writes follow each other.
const rounds = Math.min(
  Math.ceil(Number(process.env.BONDED_TEST_RUNS ?? 100) / (testDialect() === 'sqlite' ? 20 : 4)),
  500,
);

test(
  'of pushes of one new tag to different digests exactly one wins, and its answer was the truth',
  async () => {
    await using catalog = await open(immutable, { poolSize: 16 });
    await catalog.blob('a', '{}');
    for (let round = 0; round < rounds; round++) {
      const tag = `t${round}`;
      const pushes = await Promise.allSettled(
        Array.from({ length: 6 }, (_, n) => push(catalog, `${round} ${n}`, [tag])),
      );
      const won = pushes.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const lost = pushes.flatMap((one) => (one.status === 'rejected' ? [one.reason as { code: string }] : []));
      expect(lost.map(({ code }) => code)).toEqual(Array.from({ length: 5 }, () => 'DENIED'));
      expect(won).toEqual([(await digestOfTag(catalog, tag))!]);
    }
    // What lost left nothing behind.
    expect(await catalog.count('manifests')).toBe(rounds);
  },
  30_000 + rounds * 400,
);

test(
  'of a push and a deletion with a push behind it, a tag never moves from one digest to another',
  async () => {
    await using catalog = await open(immutable, { poolSize: 16 });
    await catalog.blob('a', '{}');
    for (let round = 0; round < Math.ceil(rounds / 2); round++) {
      await push(catalog, `${round} first`, ['v1']).catch(() => {});
      const repository = await catalog.repository('a');
      await Promise.allSettled([
        deleteTag(catalog, repository, 'v1'),
        push(catalog, `${round} second`, ['v1']),
        push(catalog, `${round} third`, ['v1']),
      ]);
    }
    const moves = await catalog.db.all<{ digest: string | null }>(
      'SELECT digest FROM tag_history WHERE tag = ? ORDER BY id',
      ['v1'],
    );
    expect(moves.length).toBeGreaterThan(rounds / 2);
    // Between two digests there is always a removal.
    expect(moves.filter(({ digest }, at) => digest !== null && at > 0 && moves[at - 1]!.digest !== null)).toEqual([]);
  },
  30_000 + rounds * 400,
);

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { sql } from 'kysely';
import { deleteManifest } from './delete-manifest.ts';
import { plansOf } from './plan.double.ts';
import { listRepositories } from './repositories.ts';
import { recording, type Statement } from './statements.double.ts';
import { deleteTag, listTags } from './tags.ts';
import { linkEverywhere, openTestCatalog, type TestCatalog } from './test-catalog.double.ts';

const numRuns = Math.min(Number(process.env.BONDED_TEST_RUNS ?? 60), 2_000);
const timeout = 10_000 + 50 * numRuns;

/** By their UTF-8 bytes; names are ASCII, where UTF-16 gives the same order. */
const sorted = (names: Iterable<string>) => [...names].toSorted();

async function pushTags(catalog: TestCatalog, name: string, tags: string[]) {
  return catalog.push(name, catalog.image([await catalog.blob(name, '{}')]), { tags });
}

/** All pages of a list. */
async function pages(
  list: (last: string, limit: number) => Promise<string[]>,
  n: number,
  last = '',
): Promise<string[]> {
  const all: string[] = [];
  for (;;) {
    const page = await list(last, n);
    all.push(...page);
    if (page.length < n) return all;
    last = page.at(-1)!;
  }
}

describe('tags', () => {
  test('lesson 39: are listed in the order of their bytes, and none hides another', async () => {
    await using catalog = await openTestCatalog();
    const tags = [
      '0.1.2',
      '0.1.20',
      '0.1.2-rc',
      '0.1.2_1',
      'B',
      'a',
      'A',
      '_',
      'b',
      '1',
      'Z9',
      'z',
      'a.b',
      'a-b',
      'aB',
      'ab',
    ];
    await pushTags(catalog, 'a', tags);
    const repository = await catalog.repository('a');
    const list = (last: string, limit: number) => listTags(catalog, repository, last, limit);
    expect(await list('', 100)).toEqual(sorted(tags));
    for (const n of [1, 3, 16]) expect(await pages(list, n)).toEqual(sorted(tags));
  });

  test('lesson 39: begin after `last`, whether or not that tag exists, and whatever it holds', async () => {
    await using catalog = await openTestCatalog();
    await pushTags(catalog, 'a', ['a', 'b', 'c']);
    const repository = await catalog.repository('a');
    await deleteTag(catalog, repository, 'b');
    const cases: [string, string[]][] = [
      ['', ['a', 'c']],
      ['a', ['c']],
      ['b', ['c']],
      ['B', ['a', 'c']],
      ['c', []],
      ['a\0z', ['c']],
      ['\0', ['a', 'c']],
      ['é', []],
      ["' OR 1=1 --", ['a', 'c']],
      ['%', ['a', 'c']],
    ];
    for (const [last, tags] of cases)
      expect({ last, tags: await listTags(catalog, repository, last, 9) }).toEqual({ last, tags });
  });

  test(
    'page by page are the same as all at once, for any tags',
    async () => {
      await using catalog = await openTestCatalog();
      let round = 0;
      const tag = fc.string({
        unit: fc.constantFrom('a', 'A', 'b', '0', '9', '_', '.', '-'),
        minLength: 1,
        maxLength: 5,
      });
      const tags = fc.uniqueArray(
        tag.filter((text) => /^[a-zA-Z0-9_]/.test(text)),
        { maxLength: 12 },
      );
      const check = async (names: string[], n: number, last: string) => {
        const name = `r${round++}`;
        await pushTags(catalog, name, names);
        const repository = await catalog.repository(name);
        const expected = sorted(names).filter((text) => text > last);
        expect(await pages((after, limit) => listTags(catalog, repository, after, limit), n, last)).toEqual(expected);
      };
      await fc.assert(fc.asyncProperty(tags, fc.integer({ min: 1, max: 5 }), fc.oneof(fc.constant(''), tag), check), {
        numRuns,
      });
    },
    timeout,
  );

  test('that are there all the time appear exactly once while others come and go', async () => {
    await using catalog = await openTestCatalog();
    const staying = Array.from({ length: 60 }, (_, at) => `s${String(at).padStart(3, '0')}`);
    await pushTags(catalog, 'a', staying);
    const repository = await catalog.repository('a');
    let running = true;
    const traffic = (async () => {
      for (let round = 0; running; round++) {
        const names = [0, 1, 2].map((at) => `s${String((round * 7 + at * 13) % 60).padStart(3, '0')}x${round}`);
        await pushTags(catalog, 'a', names);
        for (const name of names) await deleteTag(catalog, repository, name);
      }
    })();
    try {
      for (let round = 0; round < 10; round++) {
        const seen = await pages((last, limit) => listTags(catalog, repository, last, limit), 7);
        expect(seen.filter((name) => !name.includes('x'))).toEqual(staying);
        expect(new Set(seen).size).toBe(seen.length);
      }
    } finally {
      running = false;
      await traffic;
    }
  });
});

describe('repositories', () => {
  test('lesson 39: are listed in the order of their bytes, each registry its own, those with a manifest only', async () => {
    await using catalog = await openTestCatalog();
    const other = await catalog.registry('other');
    const names = ['a', 'a-b', 'a.b', 'a/b', 'a/b/c', 'a_b', 'aa', 'b', '0/9'];
    for (const name of names) await pushTags(catalog, name, ['v1']);
    await catalog.blob('only-a-blob', 'x');
    await pushTags(other, 'elsewhere', ['v1']);
    const list = (last: string, limit: number) => listRepositories(catalog, catalog.registryId, last, limit);
    expect(await list('', 100)).toEqual(sorted(names));
    for (const n of [1, 2, 4]) expect(await pages(list, n)).toEqual(sorted(names));
    expect(await list('a/a', 100)).toEqual(['a/b', 'a/b/c', 'a_b', 'aa', 'b']);
    expect(await list('a\0', 2)).toEqual(['a-b', 'a.b']);
    expect(await listRepositories(other, other.registryId, '', 100)).toEqual(['elsewhere']);
  });

  test('that have blobs alone are not gone through, however many there are', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await catalog.blob('a', '{}');
    await linkEverywhere(catalog, digest, 3000);
    for (const name of ['a', 'z']) await pushTags(catalog, name, ['v1']);
    // One that gets a manifest is listed from then on.
    await pushTags(catalog, 'other/7', ['v1']);
    if (catalog.db.dialect === 'postgres') await catalog.db.write((tx) => sql`ANALYZE`.execute(tx));
    const statements: Statement[] = [];
    const noting = { ...catalog, db: recording(catalog.db, (statement) => statements.push(statement)) };
    expect(await listRepositories(noting, catalog.registryId, '', 100)).toEqual(['a', 'other/7', 'z']);
    const [{ plan } = { plan: [] }] = await plansOf(catalog.db, new Map([['list', statements]]));
    expect(plan.join()).toContain('repositories_listed');
  });

  test('vanish from the list with their last manifest', async () => {
    await using catalog = await openTestCatalog();
    const { digest } = await pushTags(catalog, 'a', ['v1']);
    await deleteManifest(catalog, await catalog.repository('a'), digest);
    expect(await listRepositories(catalog, catalog.registryId, '', 100)).toEqual([]);
  });
});

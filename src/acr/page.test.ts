import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { ociIndex, putManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/*
 * What clients do between two pages. `acr purge` walks tags by time, and of the link to the next page it takes `last` alone.
 */

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const first = 1_700_000_000_000;
const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });

/** So many tags of a repository with a manifest each, the one with the highest number the newest. */
async function pushTags(name: string, count: number): Promise<string[]> {
  const tags = Array.from({ length: count }, (_, n) => `t${String((n * 7) % count).padStart(2, '0')}`);
  for (const [n, tag] of tags.entries()) {
    await putManifest(server.url, name, tag, index(n), ociIndex);
    await server.app.storage.db.write(async (tx) => {
      await tx.run('UPDATE tags SET updated_at = ? WHERE name = ?', [first + n * 1000, tag]);
      await tx.run('UPDATE manifests SET pushed_at = ? WHERE digest IN (SELECT digest FROM tags WHERE name = ?)', [
        first + n * 1000,
        tag,
      ]);
    });
  }
  return tags.toReversed();
}

interface Entry {
  name?: string;
  digest: string;
}

/** A page of ten, and the `last` of its link; undefined at the end. */
async function pageOf(path: string, orderby: string, last: string) {
  const query = new URLSearchParams({ n: '10', orderby, ...(last !== '' && { last }) });
  const answer = await fetch(`${server.url}/acr/v1/${path}?${query}`);
  expect(answer.status).toBe(200);
  const body = (await answer.json()) as { tags?: Entry[] | null; manifests?: Entry[] | null };
  const link = /^<[^?]*\?([^>]*)>/.exec(answer.headers.get('link') ?? '')?.[1];
  const next = link === undefined ? '' : new URLSearchParams(link).get('last')!;
  return { entries: (body.tags === undefined ? body.manifests : body.tags) as Entry[], next };
}

const left = async (name: string) =>
  ((await (await fetch(`${server.url}/v2/${name}/tags/list`)).json()) as { tags: string[] }).tags;

describe('a walk by time that takes `last` alone', () => {
  test('keeps the newest tags where it deletes all others, as acr purge --keep does', async () => {
    const tags = await pushTags('purged', 33);
    let kept = 0;
    for (let last = ''; ;) {
      const { entries, next } = await pageOf('purged/_tags', 'timedesc', last);
      for (const { name } of entries) {
        if (kept < 5) kept++;
        else await fetch(`${server.url}/acr/v1/purged/_tags/${name}`, { method: 'DELETE' });
      }
      if (next === '') break;
      last = next;
    }
    expect((await left('purged')).toSorted()).toEqual(tags.slice(0, 5).toSorted());
  });

  test.each(['timedesc', 'timeasc'])(
    'shows each tag once by %s, also where the last one has moved meanwhile',
    async (by) => {
      const name = `moved-${by}`;
      const tags = await pushTags(name, 25);
      const seen: string[] = [];
      for (let last = ''; ;) {
        const { entries, next } = await pageOf(`${name}/_tags`, by, last);
        seen.push(...entries.map((entry) => entry.name!));
        if (next === '') break;
        last = next;
        // To where it is the newest of all.
        if (by === 'timedesc') await putManifest(server.url, name, seen.at(-1)!, index(100 + seen.length), ociIndex);
      }
      expect(seen).toEqual(by === 'timedesc' ? tags : tags.toReversed());
    },
  );

  test('shows each manifest once, also where the last one was deleted meanwhile', async () => {
    const tags = await pushTags('manifests', 25);
    const seen: string[] = [];
    for (let last = ''; ;) {
      const { entries, next } = await pageOf('manifests/_manifests', 'timedesc', last);
      seen.push(...entries.map(({ digest }) => digest));
      if (next === '') break;
      last = next;
      await fetch(`${server.url}/v2/manifests/manifests/${seen.at(-1)}`, { method: 'DELETE' });
    }
    expect([seen.length, new Set(seen).size]).toEqual([tags.length, tags.length]);
  });
});

test('a page without entries is null, by which clients that ask behind the last entry find the end', async () => {
  const tags = await pushTags('ended', 12);
  for (const [list, nameOf] of [
    ['_tags', ({ name }: Entry) => name!],
    ['_manifests', ({ digest }: Entry) => digest],
  ] as const) {
    const seen: string[] = [];
    for (let last = ''; ;) {
      const { entries } = await pageOf(`ended/${list}`, '', last);
      if (entries === null) break;
      seen.push(...entries.map(nameOf));
      last = seen.at(-1)!;
    }
    expect([list, seen.length]).toEqual([list, tags.length]);
  }
  for (const tag of tags) await fetch(`${server.url}/acr/v1/ended/_tags/${tag}`, { method: 'DELETE' });
  expect((await pageOf('ended/_tags', '', '')).entries).toBeNull();
});

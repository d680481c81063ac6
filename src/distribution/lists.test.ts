import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import {
  digestOf,
  makeImage,
  ociIndex,
  ociManifest,
  pushBlob,
  pushImage,
  putManifest,
} from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Page {
  items: string[];
  link: string | null;
}

async function page(path: string): Promise<Page> {
  const answer = await fetch(`${server.url}${path}`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/json');
  const body = (await answer.json()) as { tags?: string[]; repositories?: string[] };
  const link = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '');
  return { items: body.tags ?? body.repositories!, link: link?.[1] ?? null };
}

async function walk(path: string): Promise<string[]> {
  const all: string[] = [];
  for (let next: string | null = path; next !== null;) {
    const { items, link }: Page = await page(next);
    all.push(...items);
    next = link;
  }
  return all;
}

describe('lesson 39: tags', () => {
  // Byte order: capitals before small letters, `_` between, digits first; prefixes before what they begin.
  const sorted = ['1', '10', '2', 'A', 'B', '_a', 'a', 'a-1', 'a.1', 'a1', 'b', 'latest', 'v1', 'v1.0', 'v10'];
  beforeAll(async () => {
    const image = await pushImage(server.url, 'list');
    const query = sorted
      .toReversed()
      .map((tag) => `tag=${tag}`)
      .join('&');
    expect((await putManifest(server.url, 'list', `${image.digest}?${query}`, image.text)).status).toBe(201);
  });

  test('come in byte order, all of them where no number is asked for', async () => {
    expect(await page('/v2/list/tags/list')).toEqual({ items: sorted, link: null });
  });

  test.each([1, 2, 5, 14, 15, 16])('come in pages of %i by their links, none twice and none missing', async (n) => {
    expect(await walk(`/v2/list/tags/list?n=${n}`)).toEqual(sorted);
  });

  test.each(['2147483647', '9223372036854775807', '9'.repeat(40)])('n=%s is all that a page holds', async (n) => {
    expect(await page(`/v2/list/tags/list?n=${n}`)).toEqual({ items: sorted, link: null });
  });

  test('n=0 is an empty page without a link', async () => {
    expect(await page('/v2/list/tags/list?n=0')).toEqual({ items: [], link: null });
  });

  test('last is exclusive, need not exist, and needs no n', async () => {
    expect((await page('/v2/list/tags/list?last=a')).items).toEqual(sorted.slice(7));
    expect((await page('/v2/list/tags/list?last=a0')).items).toEqual(sorted.slice(9));
    expect((await page('/v2/list/tags/list?last=zzz')).items).toEqual([]);
    expect((await page('/v2/list/tags/list?n=2&last=b')).items).toEqual(['latest', 'v1']);
    // A NUL is in no name, and PostgreSQL has none in a text.
    expect((await page('/v2/list/tags/list?n=1&last=a%00')).items).toEqual(['a-1']);
    expect((await page('/v2/list/tags/list?n=1&last=%ff')).items).toEqual([]);
  });

  test('have a name, and HEAD has the length of the list', async () => {
    const answer = await fetch(`${server.url}/v2/list/tags/list`);
    expect(((await answer.clone().json()) as { name: string }).name).toBe('list');
    const head = await fetch(`${server.url}/v2/list/tags/list`, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String((await answer.bytes()).length));
  });

  test('of an unknown repository are 404', async () => {
    expect((await fetch(`${server.url}/v2/unknown/tags/list`)).status).toBe(404);
  });
});

test('the catalog lists repositories that hold a manifest, in byte order and in pages', async () => {
  const names = ['catalog/a', 'catalog/a-b', 'catalog/a.b', 'catalog/a/b', 'catalog/a0', 'catalog/b'];
  for (const name of names) await pushImage(server.url, name, 'latest');
  await pushBlob(server.url, 'catalog/only-blobs', 'x');
  const expected = names.toSorted();
  expect((await page('/v2/_catalog?last=catalog/')).items.filter((name) => name.startsWith('catalog/'))).toEqual(
    expected,
  );
  for (const n of [1, 2, 4]) {
    const all = await walk(`/v2/_catalog?n=${n}`);
    expect(all.filter((name) => name.startsWith('catalog/'))).toEqual(expected);
  }
});

describe('referrers', () => {
  const types = ['application/vnd.example.sbom', 'application/vnd.example.signature', 'application/vnd.example+json'];
  let subject: string;
  const referrers: string[] = [];

  interface Index {
    schemaVersion: number;
    mediaType: string;
    manifests: {
      digest: string;
      mediaType: string;
      size: number;
      artifactType?: string;
      annotations?: Record<string, string>;
    }[];
  }
  async function list(name: string, digest: string, query = ''): Promise<{ answer: Response; index: Index }> {
    const answer = await fetch(`${server.url}/v2/${name}/referrers/${digest}${query}`);
    return { answer, index: (await answer.json()) as Index };
  }

  beforeAll(async () => {
    const image = await pushImage(server.url, 'referrers', 'latest');
    subject = image.digest;
    for (const artifactType of types) {
      const descriptor = { mediaType: ociManifest, digest: subject, size: image.text.length };
      const referrer = makeImage(image.layer, { subject: descriptor, artifactType, annotations: { of: artifactType } });
      expect((await putManifest(server.url, 'referrers', referrer.digest, referrer.text)).status).toBe(201);
      referrers.push(referrer.digest);
    }
  });

  test('lesson 43: of anything, in any repository, are an index of that exact type, empty where there are none', async () => {
    for (const [name, digest] of [
      ['nowhere', digestOf('x')],
      ['referrers', digestOf('x')],
      ['referrers', digestOf('x', 'sha512')],
    ] as const) {
      const { answer, index } = await list(name, digest);
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe(ociIndex);
      expect(index).toEqual({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
    }
  });

  test('have descriptors with type and annotations', async () => {
    const { answer, index } = await list('referrers', subject);
    expect(answer.headers.get('oci-filters-applied')).toBeNull();
    expect(index.manifests.map(({ digest }) => digest).toSorted()).toEqual(referrers.toSorted());
    for (const { artifactType, annotations } of index.manifests) expect(annotations).toEqual({ of: artifactType! });
  });

  test('lesson 44: are filtered by type where that is asked for, and OCI-Filters-Applied says so', async () => {
    const { answer, index } = await list('referrers', subject, `?artifactType=${encodeURIComponent(types[1]!)}`);
    expect(answer.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(index.manifests.map(({ digest }) => digest)).toEqual([referrers[1]!]);
    const none = await list('referrers', subject, '?artifactType=none');
    expect(none.answer.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(none.index.manifests).toEqual([]);
  });

  test('lesson 44: are filtered by a type whose plus was not encoded, and not by an empty one', async () => {
    const { answer, index } = await list('referrers', subject, `?artifactType=${types[2]!}`);
    expect(answer.headers.get('oci-filters-applied')).toBe('artifactType');
    expect(index.manifests.map(({ digest }) => digest)).toEqual([referrers[2]!]);
    const all = await list('referrers', subject, '?artifactType=');
    expect(all.answer.headers.get('oci-filters-applied')).toBeNull();
    expect(all.index.manifests).toHaveLength(types.length);
  });

  test('lesson 46: come in pages of at most 4 MiB, whose links lead to all of them', async () => {
    const image = await pushImage(server.url, 'referrers/many', 'latest');
    const descriptor = { mediaType: ociManifest, digest: image.digest, size: image.text.length };
    const padding = 'x'.repeat(900_000);
    const pushed: string[] = [];
    for (let at = 0; at < 6; at++) {
      const referrer = makeImage(image.layer, { subject: descriptor, annotations: { padding, at: String(at) } });
      expect((await putManifest(server.url, 'referrers/many', referrer.digest, referrer.text)).status).toBe(201);
      pushed.push(referrer.digest);
    }
    const seen: string[] = [];
    let next: string | undefined = `/v2/referrers/many/referrers/${image.digest}`;
    let pages = 0;
    while (next !== undefined) {
      const answer: Response = await fetch(`${server.url}${next}`);
      const text = await answer.text();
      expect(text.length).toBeLessThanOrEqual(4 * 2 ** 20);
      seen.push(...(JSON.parse(text) as Index).manifests.map(({ digest }) => digest));
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      pages++;
    }
    expect(pages).toBeGreaterThan(1);
    expect(seen.toSorted()).toEqual(pushed.toSorted());
  });
});

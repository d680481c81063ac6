import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, makeImage, ociIndex, pushBlob, pushImage, putManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';
import { rowsOf } from '../database/index.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

/** What answers have, as far as it is looked at one by one. */
interface Body {
  [field: string]: unknown;
  manifest?: Record<string, unknown>;
  tags?: unknown[] | null;
}

const get = (path: string, init?: Parameters<typeof fetch>[1]) => fetch(`${server.url}/acr/v1/${path}`, init);
const json = async (path: string) => (await (await get(path)).json()) as Body;

const image = makeImage();
const emptyIndex = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });

describe('attributes, in ACR’s form', () => {
  beforeAll(() => pushImage(server.url, 'team/app', 'v1', image));
  const changeableAttributes = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true };
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const source = () => ({ registry: server.host, imageName: 'team/app' });
  const storage = { uniqueBytes: image.text.length + image.config.length + image.layer.length, sharedBytes: 0 };
  const times = { createdTime: time, lastUpdateTime: time };

  test('of a repository', async () => {
    expect(await json('team/app')).toEqual({
      ...source(),
      ...times,
      manifestCount: 1,
      tagCount: 1,
      changeableAttributes,
      storage,
    });
  });

  test('of a tag, alone and in the list', async () => {
    const tag = { name: 'v1', digest: image.digest, ...times, signed: false, changeableAttributes, pullCount: 0 };
    expect(await json('team/app/_tags/v1')).toEqual({ ...source(), tag: { ...tag, storage } });
    expect(await json('team/app/_tags')).toEqual({ ...source(), tags: [tag] });
    expect(await json(`team/app/_tags?digest=${image.digest}`)).toEqual({ ...source(), tags: [tag] });
    expect(await json(`team/app/_tags?digest=${digestOf('none')}`)).toEqual({ ...source(), tags: null });
  });

  test('of a manifest, by digest and by tag; what it runs on is not in the list', async () => {
    const manifest = {
      digest: image.digest,
      imageSize: image.config.length + image.layer.length,
      ...times,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      configMediaType: 'application/vnd.oci.image.config.v1+json',
      artifactType: 'application/vnd.oci.image.config.v1+json',
      tags: ['v1'],
      changeableAttributes,
      pullCount: 0,
    };
    const platform = { architecture: 'amd64', os: 'linux' };
    for (const reference of [image.digest, 'v1'])
      expect(await json(`team/app/_manifests/${reference}`)).toEqual({
        ...source(),
        manifest: { ...manifest, ...platform, storage },
      });
    expect(await json('team/app/_manifests')).toEqual({ ...source(), manifests: [manifest] });
  });

  test('a config that says nothing, or is no config, leaves out what an image runs on', async () => {
    for (const config of ['{', '[]', '{"architecture":7}', 'x'.repeat(2_000_000)]) {
      const pushed = await pushImage(server.url, 'odd', 'v1', { ...makeImage(), ...imageOf(config) });
      const { manifest } = await json(`odd/_manifests/${pushed.digest}`);
      expect([manifest!.digest, 'architecture' in manifest!, 'os' in manifest!]).toEqual([pushed.digest, false, false]);
    }
  });
});

/** An image whose config is any text. */
function imageOf(config: string) {
  const made = makeImage();
  const manifest = JSON.parse(made.text) as { config: { digest: string; size: number } };
  Object.assign(manifest.config, { digest: digestOf(config), size: config.length });
  const text = JSON.stringify(manifest);
  return { ...made, config, text, digest: digestOf(text) };
}

describe('what is not there', () => {
  test.each([
    ['none', 'NAME_UNKNOWN'],
    ['none/_tags', 'NAME_UNKNOWN'],
    ['none/_manifests', 'NAME_UNKNOWN'],
    ['none/_tags/v1', 'NAME_UNKNOWN'],
    ['here/_tags/v2', 'MANIFEST_UNKNOWN'],
    ['here/_tags/-', 'MANIFEST_UNKNOWN'],
    ['here/_manifests/v2', 'MANIFEST_UNKNOWN'],
    [`here/_manifests/${digestOf('x')}`, 'MANIFEST_UNKNOWN'],
  ])('%s is 404 with ACR’s code', async (path, code) => {
    await pushImage(server.url, 'here', 'v1');
    for (const method of path.includes('_manifests') || path.endsWith('_tags') ? ['GET'] : ['GET', 'DELETE']) {
      const answer = await get(path, { method });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([404, code]);
    }
  });

  test('a repository that has blobs alone is not there either', async () => {
    await pushBlob(server.url, 'blobs', 'x');
    for (const method of ['GET', 'DELETE']) expect((await get('blobs', { method })).status).toBe(404);
  });

  test.each([
    ['here/_tags?n=x', 'PAGINATION_NUMBER_INVALID'],
    ['here/_tags?orderby=size', 'BAD_REQUEST'],
    ['here/_tags?digest=x', 'DIGEST_INVALID'],
    ['here/_manifests/sha256:x', 'DIGEST_INVALID'],
    ['UPPER/_tags', 'NAME_INVALID'],
  ])('%s is 400', async (path, code) => {
    const answer = await get(path);
    expect([answer.status, (await errorOf(answer)).code]).toEqual([400, code]);
  });

  test('a method that is not served is 405, and says which are', async () => {
    const answer = await get('here', { method: 'PUT', body: '{}' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, DELETE']);
  });
});

describe('lists', () => {
  beforeAll(async () => {
    for (let n = 0; n < 5; n++)
      expect((await putManifest(server.url, 'pages', `v${n}`, emptyIndex(n), ociIndex)).status).toBe(201);
    expect((await putManifest(server.url, 'pages/more', 'v1', emptyIndex(0), ociIndex)).status).toBe(201);
  });

  test('end with a Link of ACR’s form, relative, as long as there is more', async () => {
    const catalog = await get('_catalog?n=1&last=pages');
    expect([await catalog.json(), catalog.headers.get('link')]).toEqual([
      { repositories: ['pages/more'] },
      '</acr/v1/_catalog?last=pages%2Fmore&n=1&orderby=>; rel="next"',
    ]);
    const tags = await get('pages/_tags?n=2');
    expect(tags.headers.get('link')).toBe('</acr/v1/pages/_tags?last=v1&n=2&orderby=>; rel="next"');
    expect((await get('pages/_tags?n=5')).headers.get('link')).toBeNull();
    expect(await json('pages/_tags?n=0')).toMatchObject({ tags: null });
    expect(await json('pages/_manifests?n=0')).toMatchObject({ manifests: null });
  });

  test.each(['none', 'timedesc', 'timeasc', ''])('ordered by "%s" are walked whole by their links', async (orderby) => {
    for (const [list, key] of [
      ['_tags', 'tags'],
      ['_manifests', 'manifests'],
    ] as const) {
      const whole = (await json(`pages/${list}?orderby=${orderby}`))[key] as unknown[];
      expect(whole).toHaveLength(5);
      const walked: unknown[] = [];
      for (let path: string | undefined = `/acr/v1/pages/${list}?n=2&orderby=${orderby}`; path !== undefined;) {
        const answer = await fetch(server.url + path);
        walked.push(...((await answer.json()) as Record<string, unknown[]>)[key]!);
        path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      }
      expect(walked).toEqual(whole);
    }
  });

  test('a repository of a hundred entries and more comes in pages of a hundred', async () => {
    const digest = digestOf(emptyIndex(0));
    const query = Array.from({ length: 100 }, (_, n) => `tag=t${n}`).join('&');
    expect((await putManifest(server.url, 'pages/many', `${digest}?${query}`, emptyIndex(0), ociIndex)).status).toBe(
      201,
    );
    expect((await putManifest(server.url, 'pages/many', 'last', emptyIndex(0), ociIndex)).status).toBe(201);
    expect((await json('pages/many/_tags')).tags).toHaveLength(100);
    expect((await json('pages/many/_tags?n=100000')).tags).toHaveLength(101);
  });
});

describe('odd pages', () => {
  const count = 1200;
  const tag = (n: number) => `t${`${n}`.padStart(5, '0')}`;
  beforeAll(async () => {
    const digest = digestOf(emptyIndex(0));
    await putManifest(server.url, 'odd/many', digest, emptyIndex(0), ociIndex);
    const { db } = server.app.storage;
    const { id } = (await db.first<{ id: number }>('SELECT id FROM repositories WHERE name = ?', ['odd/many']))!;
    const all = Array.from({ length: count }, (_, n) => [1, id, tag(n), digest, n, n] as (string | number)[]);
    await db.write(async (tx) => {
      for (const { rows, values } of rowsOf<string | number>(all)) {
        const columns = 'registry_id, repository_id, name, digest, created_at, updated_at';
        await tx.run(`INSERT INTO tags (${columns}) VALUES ${rows}`, values);
      }
    });
  });

  test.each(['', 'none', 'timedesc', 'timeasc', '&digest'])(
    'of ten thousand come as many as one answer has, and the rest by the links (%s)',
    async (asked) => {
      const order = asked === '&digest' ? `&digest=${digestOf(emptyIndex(0))}` : `&orderby=${asked}`;
      const seen: string[] = [];
      const sizes: number[] = [];
      for (let path: string | undefined = `/acr/v1/odd/many/_tags?n=10000${order}`; path !== undefined;) {
        const answer = await fetch(server.url + path);
        const { tags } = (await answer.json()) as { tags: { name: string }[] };
        seen.push(...tags.map(({ name }) => name));
        sizes.push(tags.length);
        path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
      }
      const names = Array.from({ length: count }, (_, n) => tag(n));
      expect(seen).toEqual(asked === 'timedesc' ? names.toReversed() : names);
      expect(sizes).toEqual([1000, 200]);
    },
  );

  const lists = ['_catalog', 'odd/many/_tags', 'odd/many/_manifests'];
  test.each(['-1', '1.5', '1e3', '0x10', 'NaN', ' 5', '5%00', '٣', '1,000', 'null'])('n=%s is refused', async (n) => {
    for (const list of lists) {
      const answer = await get(`${list}?n=${n}`);
      expect([answer.status, (await errorOf(answer)).code]).toEqual([400, 'PAGINATION_NUMBER_INVALID']);
    }
  });

  test.each([
    `n=${'9'.repeat(400)}`,
    'n=',
    'n=00001',
    'n=1&n=2',
    'last=%00',
    `last=${'z'.repeat(5000)}`,
    'last=%F0%9F%A6%8A',
    'last=%ff',
    'orderby=',
    'orderby=TimeDesc',
    'orderby=none&orderby=x',
    'at=x&orderby=timeasc&last=t00001',
    'at=99999999999999999999&orderby=timedesc&last=t00001',
    'unknown=1',
    '&&=&',
  ])('%s is answered', async (query) => {
    for (const list of lists) expect([list, (await get(`${list}?${query}`)).status]).toEqual([list, 200]);
  });

  test.each(['orderby=name', 'orderby=timedesc%00', 'orderby=toString', 'orderby=timedesc,timeasc'])(
    '%s is refused',
    async (query) => {
      for (const list of lists) {
        const answer = await get(`${list}?${query}`);
        expect([answer.status, (await errorOf(answer)).code]).toEqual([400, 'BAD_REQUEST']);
      }
    },
  );
});

describe('deleting', () => {
  test('a tag leaves its manifest, a repository takes all that it holds and says so', async () => {
    const { digest } = await pushImage(server.url, 'gone/app', 'v1');
    await pushImage(server.url, 'gone/app', 'v2', makeImage());
    expect((await get('gone/app/_tags/v1', { method: 'DELETE' })).status).toBe(202);
    expect((await json(`gone/app/_manifests/${digest}`)).manifest).not.toHaveProperty('tags');
    const answer = await get('gone/app', { method: 'DELETE' });
    const body = (await answer.json()) as { manifestsDeleted: string[]; tagsDeleted: string[] };
    expect([answer.status, body.tagsDeleted, body.manifestsDeleted.length]).toEqual([202, ['v2'], 2]);
    expect(body.manifestsDeleted).toContain(digest);
    expect((await get('gone/app', { method: 'DELETE' })).status).toBe(404);
    expect((await fetch(`${server.url}/v2/gone/app/manifests/v2`)).status).toBe(404);
  });
});

describe('who shows nothing', () => {
  test.each([
    ['GET', '_catalog', 'registry:catalog:*'],
    ['GET', 'a/b', 'repository:a/b:metadata_read'],
    ['GET', 'a/b/_tags', 'repository:a/b:metadata_read'],
    ['GET', 'a/b/_manifests', 'repository:a/b:metadata_read'],
    ['GET', `a/b/_manifests/${digestOf('x')}`, 'repository:a/b:metadata_read'],
    ['PATCH', 'a/b', 'repository:a/b:metadata_write'],
    ['PATCH', 'a/b/_tags/v1', 'repository:a/b:metadata_write'],
    ['PATCH', `a/b/_manifests/${digestOf('x')}`, 'repository:a/b:metadata_write'],
    ['GET', 'a/b/_metadata', 'repository:a/b:metadata_read'],
    ['GET', 'a/b/_tags/v1/_metadata/key', 'repository:a/b:metadata_read'],
    ['PUT', 'a/b/_metadata/key', 'repository:a/b:metadata_write'],
    ['DELETE', `a/b/_manifests/${digestOf('x')}/_metadata/key`, 'repository:a/b:metadata_write'],
    ['DELETE', 'a/b', 'repository:a/b:delete'],
    ['DELETE', 'a/b/_tags/v1', 'repository:a/b:delete'],
  ])('%s %s is asked for a token of %s', async (method, path, scope) => {
    const answer = await get(path, { method, anonymous: true });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain(`scope="${scope}"`);
    expect((await errorOf(answer)).code).toBe('UNAUTHORIZED');
  });
});

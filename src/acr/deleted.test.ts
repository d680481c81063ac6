import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { randomUUID } from 'node:crypto';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, ociIndex, pushImage, putManifest } from '../../test/http/registry.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { groupScope } from '../operations/index.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { basic, bearer } from '../../test/support/people.ts';

let server: WatchedApp;
const setPolicy = async (softDeletePolicy: object) => {
  const { properties } = (await managementOf(server.url).patch(registry, { policies: { softDeletePolicy } })) as {
    properties: { policies?: { softDeletePolicy?: Record<string, unknown> } };
  };
  return properties.policies!.softDeletePolicy!;
};
beforeAll(async () => {
  server = await startWatchedApp();
  await setPolicy({ status: 'enabled', retentionDays: 3 });
});
afterAll(() => server[Symbol.asyncDispose]());

let names = 0;
let name = '';
beforeEach(() => {
  name = `team/app${names++}`;
});

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const push = async (tag: string, n: number, to = name) =>
  expect((await putManifest(server.url, to, tag, index(n), ociIndex)).status).toBe(201);
const remove = async (digest: string, from = name) =>
  expect((await fetch(`${server.url}/v2/${from}/manifests/${digest}`, { method: 'DELETE' })).status).toBe(202);
const deleted = (path: string, init?: Parameters<typeof fetch>[1]) =>
  fetch(`${server.url}/acr/v1/_deleted/${path}`, init);
const restore = (digest: string, body?: unknown, query = '', headers: Record<string, string> = {}) =>
  deleted(`${name}/_manifests/${digest}${query}`, {
    method: 'POST',
    headers,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const json = async (answer: Response) => (await answer.json()) as Record<string, unknown>;

/** Follows Link to the end, as clients do. */
async function walk(path: string, field: string): Promise<Record<string, string>[]> {
  const all: Record<string, string>[] = [];
  for (let next: string | undefined = `/acr/v1/_deleted/${path}`; next !== undefined;) {
    const answer = await fetch(server.url + next);
    expect(answer.status).toBe(200);
    const body = (await answer.json()) as Record<string, Record<string, string>[]>;
    all.push(...body[field]!);
    next = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
  }
  return all;
}

describe('what is deleted', () => {
  test('is listed with who deleted it, when, and when it goes, and pulled no more', async () => {
    const image = await pushImage(server.url, name, 'v1');
    await remove(image.digest);
    expect((await fetch(`${server.url}/v2/${name}/manifests/${image.digest}`)).status).toBe(404);
    const answer = await json(await deleted(`${name}/_manifests`));
    const { manifests, ...source } = answer as unknown as { manifests: Record<string, string>[] };
    expect(source).toEqual({ registry: server.host, imageName: name });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(manifests as object[]).toEqual([
      {
        digest: image.digest,
        imageSize: expect.any(Number),
        createdTime: time,
        lastUpdateTime: time,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        artifactType: expect.any(String),
        tags: ['v1'],
        deletedAt: time,
        purgeAt: time,
        deletedBy: { id: 'operator', name: expect.any(String) },
      },
    ]);
    const { deletedAt, purgeAt } = manifests[0]!;
    expect(Date.parse(purgeAt!) - Date.parse(deletedAt!)).toBe(3 * 86_400_000);
    const { tags } = await json(await deleted(`${name}/_tags`));
    expect(tags as object).toEqual([{ tag: 'v1', digest: image.digest, deletedAt: time, purgeAt: time }]);
    expect(await walk('_catalog', 'repositories')).toContain(name as never);
  });

  test('comes in pages that Link leads through, in each order', async () => {
    for (let n = 0; n < 5; n++) {
      await push('v1', n);
      await push(`v${n}`, n);
      await remove(digestOf(index(n)));
    }
    const digests = [0, 1, 2, 3, 4].map((n) => digestOf(index(n)));
    const orders = { '': digests.toSorted(), timeasc: digests, timedesc: digests.toReversed() };
    for (const [order, expected] of Object.entries(orders)) {
      const manifests = await walk(`${name}/_manifests?n=2&orderby=${order}`, 'manifests');
      expect(manifests.map(({ digest }) => digest!)).toEqual(expected);
    }
    const tags = (await walk(`${name}/_tags?n=2`, 'tags')).map(({ tag, digest }) => [tag!, digests.indexOf(digest!)]);
    // v1 was of all of them, of the last one last: it is what az restores.
    expect(tags.filter(([tag]) => tag === 'v1').map(([, n]) => n!)).toEqual([0, 1, 2, 3, 4]);
    expect(tags.length).toBe(9);
    expect((await walk(`${name}/_tags?n=1&tag=v1`, 'tags')).length).toBe(5);
    expect(await walk(`${name}/_tags?tag=v9`, 'tags')).toEqual([]);
    expect((await deleted('nothing/here/_manifests')).status).toBe(404);
    expect((await deleted(`${name}/_tags?tag=.x`)).status).toBe(400);
  });

  test('of a repository that is deleted whole is listed under its name, which the catalog has no more', async () => {
    await push('v1', 1);
    await push('v2', 2);
    expect((await fetch(`${server.url}/acr/v1/${name}`, { method: 'DELETE' })).status).toBe(202);
    expect((await fetch(`${server.url}/acr/v1/${name}`)).status).toBe(404);
    expect((await walk(`${name}/_manifests?n=1`, 'manifests')).length).toBe(2);
    expect((await restore(digestOf(index(2)), { tag: 'v2' })).status).toBe(200);
    expect(await json(await fetch(`${server.url}/v2/${name}/tags/list`))).toMatchObject({ tags: ['v2'] });
  });
});

describe('restore', () => {
  test('brings an image back with its tag, blobs and all, as az asks for it, and is in the audit', async () => {
    const image = await pushImage(server.url, name, 'v1');
    await remove(image.digest);
    const since = server.audit().length;
    const encoded = image.digest.replace(':', '%3A');
    const answer = await restore(encoded, { tag: 'v1' }, '?force=False');
    expect(answer.status).toBe(200);
    expect(await json(answer)).toMatchObject({
      imageName: name,
      tag: 'v1',
      manifest: { digest: image.digest, tags: ['v1'] },
      restored: [image.digest],
    });
    const path = `/acr/v1/_deleted/${name}/_manifests/${encoded}`;
    expect(server.audit(since)).toMatchObject([{ action: 'restore', outcome: 'allowed', target: name, path }]);
    const pulled = await fetch(`${server.url}/v2/${name}/manifests/v1`);
    const manifest = (await pulled.json()) as { layers: { digest: string }[]; config: { digest: string } };
    for (const { digest } of [...manifest.layers, manifest.config])
      expect((await fetch(`${server.url}/v2/${name}/blobs/${digest}`)).status).toBe(200);
    expect((await restore(image.digest, { tag: 'v1' })).status).toBe(404);
  });

  test('without a tag, with one that is taken, and with force', async () => {
    await push('v1', 1);
    await remove(digestOf(index(1)));
    await push('v1', 2);
    const refused = await restore(digestOf(index(1)), { tag: 'v1' });
    expect([refused.status, (await errorOf(refused)).code]).toEqual([409, 'CONFLICT']);
    expect((await restore(digestOf(index(1)), { tag: null })).status).toBe(200);
    const tag = async () => (await fetch(`${server.url}/v2/${name}/manifests/v1`)).headers.get('docker-content-digest');
    expect(await tag()).toBe(digestOf(index(2)));
    await remove(digestOf(index(1)));
    expect((await restore(digestOf(index(1)), { tag: 'v1' }, '?force=True')).status).toBe(200);
    expect(await tag()).toBe(digestOf(index(1)));
  });

  test('is a push: what is locked or immutable stays as it is', async () => {
    await push('v1', 1);
    await remove(digestOf(index(1)));
    await push('v1', 2);
    const attributes = (writeEnabled: boolean) =>
      fetch(`${server.url}/acr/v1/${name}`, { method: 'PATCH', body: JSON.stringify({ writeEnabled }) });
    expect((await attributes(false)).status).toBe(200);
    const locked = await restore(digestOf(index(1)));
    expect([locked.status, (await errorOf(locked)).code]).toEqual([405, 'REGISTRY_DISALLOWED_OPERATION']);
    expect((await attributes(true)).status).toBe(200);
    const manage = managementOf(server.url);
    await manage.patch(registry, { tagImmutability: { mode: 'IMMUTABLE', exclusionFilters: [] } });
    const immutable = await restore(digestOf(index(1)), { tag: 'v1' }, '?force=true');
    await manage.patch(registry, { tagImmutability: { mode: 'MUTABLE', exclusionFilters: [] } });
    expect([immutable.status, (await errorOf(immutable)).code]).toEqual([409, 'DENIED']);
    expect((await deleted(`${name}/_manifests`)).status).toBe(200);
  });

  const bad: [string, unknown, string, number][] = [
    ['a body that is no object', [], '', 400],
    ['a field that nobody knows', { tags: 'v1' }, '', 400],
    ['a tag that is none', { tag: '.v1' }, '', 400],
    ['a tag that is no text', { tag: 1 }, '', 400],
    ['force that is neither', {}, '?force=maybe', 400],
    ['what was never there', {}, '', 404],
  ];
  test.each(bad)('refuses %s', async (_, body, query, status) => {
    expect((await restore(digestOf('never'), body, query)).status).toBe(status);
  });

  test('refuses other methods, digests that are none and bodies without end', async () => {
    const digest = digestOf('never');
    expect((await deleted(`${name}/_manifests/${digest}`)).status).toBe(405);
    expect((await deleted(`${name}/_manifests`, { method: 'POST' })).status).toBe(405);
    expect((await restore('sha256:x')).status).toBe(400);
    expect((await restore(digest, { tag: 'x'.repeat(5000) })).status).toBe(413);
  });
});

test('a purge takes away what could be restored, and is in the audit', async () => {
  await push('v1', 1);
  await remove(digestOf(index(1)));
  const path = `/acr/v1/_deleted/${name}/_manifests/${digestOf(index(1))}`;
  const since = server.audit().length;
  const purge = () => fetch(server.url + path, { method: 'DELETE' });
  expect((await purge()).status).toBe(202);
  expect(server.audit(since)).toMatchObject([{ action: 'purge', outcome: 'allowed', target: name, path }]);
  expect((await purge()).status).toBe(404);
  expect((await restore(digestOf(index(1)))).status).toBe(404);
});

test('a push of what is kept just works, and it is kept no more', async () => {
  await push('v1', 1);
  await remove(digestOf(index(1)));
  await push('v1', 1);
  expect(await walk(`${name}/_manifests`, 'manifests')).toEqual([]);
});

describe('rights', () => {
  test('to see and to restore are their own: who may push and delete has neither, and who has them sees that alone', async () => {
    await push('v1', 1);
    await push('v1', 1, 'other');
    await remove(digestOf(index(1)));
    await remove(digestOf(index(1)), 'other');
    const { people } = server;
    const id = await people.identity('restorer');
    const action = (what: string) => `Microsoft.ContainerRegistry/registries/deleted/${what}`;
    const role = `${groupScope}/providers/Microsoft.Authorization/roleDefinitions/${randomUUID()}`;
    await people.put(role, {
      roleName: 'restorer',
      type: 'CustomRole',
      assignableScopes: ['/'],
      permissions: [{ actions: [], notActions: [], dataActions: [action('read'), action('restore/action')] }],
    });
    await people.assign(role, id, {}, `${registry}/repositories/${encodeURIComponent(name)}`);
    await people.assign('Container Registry Repository Contributor', await people.identity('contributor'));
    await people.assign('Container Registry Repository Catalog Lister', await people.identity('contributor'));
    const [restorer, contributor] = [bearer(await people.jwt('restorer')), bearer(await people.jwt('contributor'))];
    const as = (authorization: string, init: Parameters<typeof fetch>[1] = {}) => ({
      ...init,
      headers: { Authorization: authorization },
      anonymous: true,
    });
    const digest = digestOf(index(1));
    const statuses = async (authorization: string, repository: string) => {
      const answers = [
        await deleted(`${repository}/_manifests`, as(authorization)),
        await deleted(`${repository}/_tags`, as(authorization)),
        await deleted(`${repository}/_manifests/${digest}`, as(authorization, { method: 'POST', body: '{}' })),
      ];
      return answers.map(({ status }) => status);
    };
    expect(await statuses(contributor, name)).toEqual([403, 403, 403]);
    const purge = await deleted(`${name}/_manifests/${digest}`, as(contributor, { method: 'DELETE' }));
    expect(purge.status).toBe(403);
    expect(await statuses(restorer, 'other')).toEqual([403, 403, 403]);
    expect(await statuses(restorer, name)).toEqual([200, 200, 200]);
    // A list of all shows nobody more than lists of each would.
    const catalog = await deleted('_catalog', as(contributor));
    expect([catalog.status, await catalog.json()] as unknown[]).toEqual([200, { repositories: [] }]);
    const anonymous = await deleted(`${name}/_manifests`, { anonymous: true });
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toContain(`scope="repository:${name}:deleted_read"`);
    const listed = await deleted('_catalog', { anonymous: true });
    expect(listed.headers.get('www-authenticate')).toContain('scope="registry:deleted_catalog:*"');
    const refused = await restore(digest, {}, '', { Authorization: basic('x', 'y') });
    expect(refused.status).toBe(401);
  });
});

describe('the policy', () => {
  test('that a template does not name any more is off, and a push of what was kept takes it from there', async () => {
    await push('v1', 1);
    await remove(digestOf(index(1)));
    const shown = await fetch(`${server.url}${registry}?api-version=2025-11-01`);
    const { properties, ...resource } = (await shown.json()) as { properties: Record<string, unknown> };
    const { policies: _, ...others } = properties;
    const put = (body: object) =>
      fetch(`${server.url}${registry}?api-version=2025-11-01`, {
        method: 'PUT',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...resource, ...body }),
      });
    const answer = await put({ properties: others });
    expect(answer.status).toBe(200);
    const left = ((await answer.json()) as { properties: { policies: object } }).properties.policies;
    expect(left).toMatchObject({ softDeletePolicy: { status: 'disabled', retentionDays: 3 } });
    expect((await walk(`${name}/_manifests`, 'manifests')).length).toBe(1);
    await push('v1', 1);
    expect((await json(await deleted(`${name}/_manifests`)))['manifests']).toEqual([]);
    await setPolicy({ status: 'enabled', retentionDays: 3 });
  });

  test('says since when it is as it is, and keeps what was kept when it is off', async () => {
    const first = await setPolicy({ status: 'enabled', retentionDays: 3 });
    expect(first).toMatchObject({ status: 'enabled', retentionDays: 3, lastUpdatedTime: expect.any(String) });
    await push('v1', 1);
    await remove(digestOf(index(1)));
    const off = await setPolicy({ status: 'disabled' });
    expect(off).toMatchObject({ status: 'disabled', retentionDays: 3 });
    expect(off['lastUpdatedTime'] === first['lastUpdatedTime']).toBe(false);
    await push('v2', 2);
    await remove(digestOf(index(2)));
    expect((await walk(`${name}/_manifests`, 'manifests')).map(({ digest }) => digest!)).toEqual([digestOf(index(1))]);
    expect((await restore(digestOf(index(1)), { tag: 'v1' })).status).toBe(200);
    // What others say of the time does not count.
    const same = await setPolicy({ status: 'disabled', lastUpdatedTime: '2001-01-01T00:00:00Z' });
    expect(same['lastUpdatedTime']).toBe(off['lastUpdatedTime']);
    await setPolicy({ status: 'enabled' });
  });

  test.each([{ retentionDays: 0 }, { retentionDays: 91 }, { retentionDays: 1.5 }, { status: 'on' }])(
    'does not take %j',
    async (policy) => {
      await expect(setPolicy(policy)).rejects.toThrow('400');
    },
  );
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../../test/http/fetch.ts';
import { makeImage, ociIndex, pushImage, putManifest } from '../../../test/http/registry.ts';
import { makeIssuer, managementOf } from '../../../test/support/management.ts';
import { startTestApp, type TestServer } from '../../../test/support/server.ts';
import { groupScope } from '../../operations/index.ts';

let server: TestServer;
const registry = `${groupScope}/providers/Microsoft.ContainerRegistry/registries/default`;
const repository = `${registry}/repositories/team%2Fapp`;
const version = 'api-version=2025-11-01';

beforeAll(async () => void (server = await startTestApp()), 60_000);
afterAll(() => server?.[Symbol.asyncDispose]());

interface Shown {
  id: string;
  name: string;
  type: string;
  properties: Record<string, unknown>;
}

async function read<T = Shown>(
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: T }> {
  const answer = await fetch(`${server.url}${path}${path.includes('?') ? '&' : '?'}${version}`, { headers });
  return { status: answer.status, body: (await answer.json()) as T };
}

/** All pages of a list, and how many there were. */
async function list(path: string): Promise<{ found: Shown[]; pages: number }> {
  const found: Shown[] = [];
  let next: string | undefined = path;
  for (let pages = 0; ; pages++) {
    if (next === undefined) return { found, pages };
    const page: { body: { value: Shown[]; nextLink?: string } } = await read(next);
    const { value, nextLink } = page.body;
    found.push(...value);
    const link: URL | undefined = nextLink === undefined ? undefined : new URL(nextLink);
    next = link && `${link.pathname}${link.search.replace(`&${version}`, '')}`;
  }
}

test('repositories, tags and manifests are read by ids, whose names are one segment', async () => {
  const one = await pushImage(server.url, 'team/app', 'v1');
  const other = await pushImage(server.url, 'team/app', 'V1');
  await pushImage(server.url, 'zoo', 'v1');
  const found = await read(repository);
  expect(found).toMatchObject({
    status: 200,
    body: { id: repository, name: 'team/app', properties: { manifestCount: 2, tagCount: 2 } },
  });
  expect((await list(`${registry}/repositories`)).found.map(({ name }) => name)).toEqual(['team/app', 'zoo']);
  // The case of a tag counts, though that of an id does not.
  for (const [tag, { digest }] of [['v1', one] as const, ['V1', other] as const]) {
    const shown = await read(`${repository}/tags/${tag}`);
    expect(shown).toMatchObject({ status: 200, body: { name: tag, properties: { digest } } });
  }
  const manifest = await read(`${repository}/manifests/${encodeURIComponent(one.digest)}`);
  expect(manifest.body.properties).toMatchObject({
    tags: ['v1'],
    imageSize: one.config.length + one.layer.byteLength,
    changeableAttributes: { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true },
  });
  const manifests = await list(`${repository}/manifests`);
  expect(manifests.found.map(({ name }) => name)).toEqual([one.digest, other.digest].toSorted());
});

test('pages go on after the last name, as it was written', async () => {
  const name = 'pages/of';
  const image = makeImage();
  const tags = ['a', 'A', 'b', 'B', 'c', '_x', '0'];
  for (const tag of tags) await pushImage(server.url, name, tag, image);
  const path = `${registry}/repositories/pages%2Fof`;
  for (const top of [1, 2, 3, 7, 100, 10_000]) {
    const { found, pages } = await list(`${path}/tags?$top=${top}`);
    expect(found.map((tag) => tag.name)).toEqual([...tags].toSorted());
    expect(pages).toBe(Math.ceil(tags.length / Math.min(top, 100)));
  }
  const repositories = await list(`${registry}/repositories?$top=1`);
  expect(repositories.found.map((one) => one.name)).toContain(name);
  expect(repositories.pages).toBe(repositories.found.length);
});

test('an index says what it lists', async () => {
  const { digest, text } = await pushImage(server.url, 'indexed');
  const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: text.length };
  const manifests = [{ ...entry, platform: { os: 'linux', architecture: 'arm64' } }];
  await putManifest(server.url, 'indexed', 'v1', JSON.stringify({ schemaVersion: 2, manifests }), ociIndex);
  const tag = await read(`${registry}/repositories/indexed/tags/v1`);
  const index = await read(
    `${registry}/repositories/indexed/manifests/${encodeURIComponent(String(tag.body.properties['digest']))}`,
  );
  expect(index.body.properties['references']).toEqual([{ digest, os: 'linux', architecture: 'arm64' }]);
});

test.each([
  [`${registry}/repositories/none`, 404, 'ResourceNotFound'],
  [`${registry}/repositories/none/tags`, 404, 'ParentResourceNotFound'],
  [`${registry}/repositories/none/tags/v1`, 404, 'ResourceNotFound'],
  [`${repository}/tags/none`, 404, 'ResourceNotFound'],
  [`${repository}/manifests/none`, 404, 'ResourceNotFound'],
  [
    `${groupScope}/providers/Microsoft.ContainerRegistry/registries/Nowhere/repositories`,
    404,
    'ParentResourceNotFound',
  ],
  [`${repository}/tags?$top=0`, 400, 'InvalidParameter'],
  [`${repository}/tags?$top=-1`, 400, 'InvalidParameter'],
  [`${repository}/tags?$top=many`, 400, 'InvalidParameter'],
  [`${repository}/tags?$skipToken=%00`, 400, 'InvalidParameter'],
])('%s answers %i %s', async (path, status, code) => {
  expect(await read<{ error: { code: string } }>(path)).toMatchObject({ status, body: { error: { code } } });
});

test('they are read, and written by other means', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
    const answer = await fetch(`${server.url}${repository}?${version}`, {
      method,
      ...(method !== 'DELETE' && { body: '{}' }),
    });
    expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'GET, HEAD']);
  }
});

test('who may read the management of a registry reads them; who may only pull from it does not', async () => {
  const management = managementOf(server.url);
  const issuer = await makeIssuer();
  await management.trust('people', issuer.properties);
  const who = async (name: string, role: string, scope?: string) => {
    const principalId = await management.identity(name);
    await management.credential(name, 'work', { issuer: issuer.issuer, subject: name, audiences: ['bonded'] });
    await management.assign(role, { principalId, principalType: 'ServicePrincipal' }, scope);
    return { Authorization: `Bearer ${await issuer.token({ sub: name })}` };
  };
  const reader = await who('reader', 'Reader');
  const puller = await who('puller', 'Container Registry Repository Reader');
  const bounded = await who('bounded', 'Reader', repository);
  const paths = [`${registry}/repositories`, repository, `${repository}/tags`, `${repository}/tags/v1`];
  const statuses = async (headers: Record<string, string>) =>
    Promise.all(paths.map(async (path) => (await read(path, headers)).status));
  expect(await statuses(reader)).toEqual([200, 200, 200, 200]);
  expect(await statuses(puller)).toEqual([403, 403, 403, 403]);
  expect(await statuses(bounded)).toEqual([403, 200, 200, 200]);
  expect((await read(`${registry}/repositories/zoo/tags`, bounded)).status).toBe(403);
});

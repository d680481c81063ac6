import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, type Image, pushImage } from '../../test/http/registry.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { basic, bearer } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { recording } from '../catalog/statements.double.ts';
import { rowsOf } from '../database/index.ts';

/* Who finds what, and what a search of very much costs. */

let server: WatchedApp;
let other: Image;
const reader = 'Container Registry Repository Reader';
const within = (prefix: string) =>
  `@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase '${prefix}'`;

beforeAll(async () => {
  server = await startWatchedApp();
  await managementOf(server.url).patch(registry, { metadataSearch: 'Enabled' });
  await pushImage(server.url, 'team/app', 'v1');
  await pushImage(server.url, 'team/web', 'v1');
  other = await pushImage(server.url, 'other/app', 'v1');
});
afterAll(() => server[Symbol.asyncDispose]());

function ask(shown: string | undefined, query: string, name?: string, options?: object): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', ...(shown !== undefined && { Authorization: shown }) };
  const body = JSON.stringify({ query, ...(options && { options }) });
  const path = `/acr/v1/${name === undefined ? '' : `${name}/`}_metadata/_query`;
  return fetch(`${server.url}${path}`, { method: 'POST', headers, body, anonymous: true });
}

interface Answer {
  data: Record<string, unknown>[];
  $skipToken: string;
}

async function found(shown: string, query: string, name?: string): Promise<unknown[]> {
  const answer = await ask(shown, `${query} | project repository`, name);
  if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as Answer).data.map(({ repository }) => repository);
}

test('whoever may read some repositories finds what is in those, whatever the query names and however it is asked', async () => {
  const { people, url } = server;
  await people.assign(reader, await people.identity('team'), { condition: within('team/') });
  const jwt = basic('x', await people.jwt('team'));
  const catalog = bearer(await accessToken(url, jwt, ['registry:catalog:*']));
  for (const shown of [jwt, catalog]) {
    expect(await found(shown, 'Manifests')).toEqual(['team/app', 'team/web']);
    expect(await found(shown, "Manifests | where repository in ('other/app', 'team/web')")).toEqual(['team/web']);
    expect(await found(shown, `Manifests | where digest == '${other.digest}'`)).toEqual([]);
    expect((await ((await ask(shown, 'Manifests | count')).json() as Promise<Answer>)).data).toEqual([{ Count: 2 }]);
  }
  // A place that somebody has made up leads nowhere either.
  const first = (await (await ask(jwt, 'Manifests | project digest', undefined, { $top: 1 })).json()) as Answer;
  const place = JSON.parse(Buffer.from(first.$skipToken, 'base64url').toString());
  const $skipToken = Buffer.from(JSON.stringify({ ...place, state: { place: ['other', ''] } })).toString('base64url');
  const next = await ask(jwt, 'Manifests | project digest', undefined, { $skipToken });
  expect(((await next.json()) as Answer).data.length).toBe(2);
});

test('to list repositories is not to read what is known of their manifests', async () => {
  const { people } = server;
  await people.assign('Container Registry Repository Catalog Lister', await people.identity('lister'));
  expect(await found(basic('x', await people.jwt('lister')), 'Manifests')).toEqual([]);
  const password = await managementOf(server.url).token('robot', ['repositories/team/web/metadata/read']);
  expect(await found(basic('robot', password), 'Manifests')).toEqual(['team/web']);
  expect((await ask(basic('robot', password), 'Manifests', 'team/app')).status).toBe(403);
});

test('who may do nothing is refused, and not told whether a repository is there', async () => {
  const { people, url } = server;
  await people.identity('nobody');
  const jwt = basic('x', await people.jwt('nobody'));
  expect((await ask(undefined, 'Manifests')).status).toBe(401);
  expect((await ask(jwt, 'Manifests')).status).toBe(403);
  const said = async (name: string) => {
    const answer = await ask(jwt, 'Manifests', name);
    const { code, message } = await errorOf(answer);
    return [answer.status, code, message.replaceAll(name, 'NAME')];
  };
  expect(await said('other/app')).toEqual(await said('other/non'));
  const pulls = bearer(await accessToken(url, basic('x', await people.jwt('team')), ['repository:team/app:pull']));
  const challenged = await ask(pulls, 'Manifests', 'team/app');
  expect([challenged.status, challenged.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringContaining('scope="repository:team/app:metadata_read"'),
  ]);
  const all = await ask(undefined, 'Manifests');
  expect(all.headers.get('www-authenticate')).toContain('scope="registry:catalog:*"');
});

test('it is recorded as a list, and its refusal where the owner has not enabled it', async () => {
  const { people } = server;
  const shown = basic('x', await people.jwt('team'));
  const management = managementOf(server.url);
  const since = server.audit().length;
  await management.patch(registry, { metadataSearch: 'Disabled' });
  expect((await ask(shown, 'Manifests', 'team/app')).status).toBe(403);
  await management.patch(registry, { metadataSearch: 'Enabled' });
  const denied = server.audit(since).filter(({ outcome }) => outcome === 'denied');
  expect(denied).toMatchObject([{ action: 'list', target: 'team/app', reason: 'metadata_search_disabled' }]);
  expect((await ask(shown, 'Manifests', 'team/app')).status).toBe(200);
  const listed = () =>
    server.audit(since).filter((one) => one['target'] === 'team/app' && one['outcome'] === 'allowed');
  for (const end = Date.now() + 20_000; listed().length === 0 && Date.now() < end;) await Bun.sleep(50);
  expect(listed()).toMatchObject([{ action: 'list', target: 'team/app' }]);
});

test('ten thousand manifests are put in order, summed up and counted by a few statements for each fifty', async () => {
  const { db } = server.app.storage;
  const count = 10_000;
  const digestOf = (n: number) => `sha256:${n.toString(16).padStart(64, '0')}`;
  await db.write(async (tx) => {
    await tx.run(`INSERT INTO repositories (registry_id, name, created_at, listed) VALUES (1, 'many', 0, 1)`, []);
    const { id } = (await tx.first<{ id: number }>(`SELECT id FROM repositories WHERE name = 'many'`, []))!;
    const all = Array.from({ length: count }, (_, n) => [
      1,
      id,
      digestOf(n),
      'x',
      'image',
      n % 7,
      n,
      new Uint8Array(1),
    ]);
    for (const { rows, values } of rowsOf(all)) {
      const columns = 'registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes';
      await tx.run(`INSERT INTO manifests (${columns}) VALUES ${rows}`, values);
    }
    const references = all.map(([, , digest], n) => [1, id, digest!, digestOf(n + count), 'layer', 1, n, 'x']);
    for (const { rows, values } of rowsOf(references)) {
      const columns = 'registry_id, repository_id, manifest_digest, digest, role, required, size, media_type';
      await tx.run(`INSERT INTO manifest_references (${columns}) VALUES ${rows}`, values);
    }
  });
  let statements = 0;
  const recorded = recording({ ...db }, ({ text }) => void (/\bmanifest/.test(text) && statements++));
  Object.assign(db, recorded);
  const shown = basic('x', await server.people.jwt('many'));
  await server.people.assign(reader, await server.people.identity('many'), { condition: within('many') });
  const run = async (query: string, options?: object) => {
    const before = statements;
    const answer = await ask(shown, query, 'many', options);
    if (answer.status !== 200) throw new Error(await answer.text());
    return { ...((await answer.json()) as Answer), statements: statements - before };
  };
  const largest = await run('Manifests | top 3 by imageSize | project imageSize');
  expect(largest.data).toEqual([{ imageSize: 9999 }, { imageSize: 9998 }, { imageSize: 9997 }]);
  expect(largest.statements).toBeLessThan(2 * (count / 50) + count / 500 + 20);
  const sizes = await run('Manifests | summarize count() by size | order by size asc');
  expect(sizes.data[0]).toEqual({ size: 0, count_: 1429 });
  expect(sizes.statements).toBeLessThan(count / 500 + 10);
  // What is in the row, and in the order of an index, is not looked for among the others.
  const newest = await run('Manifests | where createdAt >= datetime(1970-01-01T00:00:09.990Z) | count');
  expect([newest.data, newest.statements < 10]).toEqual([[{ Count: 10 }], true]);
  const first = await run('Manifests | order by createdAt desc | project createdAt', { $top: 2 });
  expect(first.data).toEqual([{ createdAt: '1970-01-01T00:00:09.999Z' }, { createdAt: '1970-01-01T00:00:09.998Z' }]);
  expect(first.statements).toBeLessThan(10);
  const one = await run(`Manifests | where digest == '${digestOf(77)}' | project imageSize`);
  expect([one.data, one.statements < 10]).toEqual([[{ imageSize: 77 }], true]);
});

test('a search ends soon after its client has gone, so that others need not wait for it', async () => {
  const { db } = server.app.storage;
  let client: AbortController | undefined;
  let statements = 0;
  Object.assign(
    db,
    recording({ ...db }, ({ text }) => {
      if (/\bmanifest/.test(text) && statements++ === 0) client?.abort();
    }),
  );
  const looks = 'strcat(annotations, imageSize, configMediaType)';
  const shown = basic('x', await server.people.jwt('many'));
  for (const query of [`Manifests | top 5 by ${looks}`, `Manifests | where ${looks} == 'none'`]) {
    statements = 0;
    expect((await ask(shown, query, 'many')).status).toBe(200);
    const whole = statements;
    client = new AbortController();
    statements = 0;
    const path = `${server.url}/acr/v1/many/_metadata/_query`;
    const init = { method: 'POST', headers: { Authorization: shown }, body: JSON.stringify({ query }) };
    await expect(globalThis.fetch(path, { ...init, signal: client.signal })).rejects.toThrow('aborted');
    for (let before = -1; before !== statements; await Bun.sleep(200)) before = statements;
    expect([query, statements > 0, statements < whole * 0.75]).toEqual([query, true, true]);
    client = undefined;
  }
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { accessToken } from '../../test/http/tokens.ts';
import { basic, bearer, makePassword } from '../../test/support/people.ts';
import { startWatchedApp, type WatchedApp } from '../../test/support/watched-app.ts';
import { rowsOf } from '../database/index.ts';

/* The catalog lists what the caller may see, in whole pages. */

/** More than are read at once for whoever sees few of many. */
const count = 2300;
const names = Array.from(
  { length: count },
  (_, at) => `${at % 7 === 0 ? 'team' : 'other'}/${`${at}`.padStart(5, '0')}`,
);
const sorted = names.toSorted();

let server: WatchedApp;
beforeAll(async () => {
  server = await startWatchedApp();
  await server.app.storage.db.write(async (tx) => {
    for (const { rows, values } of rowsOf<string | number>(names.map((name) => [1, name, 0, 1]))) {
      await tx.run(`INSERT INTO repositories (registry_id, name, created_at, listed) VALUES ${rows}`, values);
    }
    await tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, kind, size, pushed_at, bytes)
        SELECT registry_id, id, 'sha256:0', 'x', 'image', 1, 0, ? FROM repositories`,
      [new Uint8Array(1)],
    );
  });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Page {
  repositories: string[];
  next: string | undefined;
}

async function pageOf(authorization: string | undefined, path: string): Promise<Page> {
  const headers: Record<string, string> = authorization === undefined ? {} : { Authorization: authorization };
  const answer = await fetch(`${server.url}${path}`, { headers, anonymous: true });
  expect(answer.status).toBe(200);
  const { repositories } = (await answer.json()) as Page;
  return { repositories, next: /^<(.+)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1] };
}

/** All pages; each but the last is full. */
async function listAll(authorization: string | undefined, n: number): Promise<string[]> {
  const all: string[] = [];
  for (let path: string | undefined = `/v2/_catalog?n=${n}`; path !== undefined;) {
    const page: Page = await pageOf(authorization, path);
    if (page.next !== undefined) expect(page.repositories.length).toBe(n);
    all.push(...page.repositories);
    path = page.next;
  }
  return all;
}

const name = '@Request[Microsoft.ContainerRegistry/registries/repositories:name]';
const role = 'Container Registry Repository Reader';

describe('the catalog', () => {
  test('of whoever may see some has those, whatever the page', async () => {
    const { people } = server;
    const condition = `${name} StringStartsWithIgnoreCase 'team/'`;
    await people.assign(role, await people.identity('team'), { condition });
    const jwt = basic('x', await people.jwt('team'));
    const expected = sorted.filter((one) => one.startsWith('team/'));
    const token = bearer(await accessToken(server.url, jwt, ['registry:catalog:*']));
    for (const n of [1000, 100, 47, expected.length, expected.length - 1]) {
      expect(await listAll(jwt, n)).toEqual(expected);
      expect(await listAll(token, n)).toEqual(expected);
    }
    // What lies before, between and behind them is named by no page.
    const between = await pageOf(jwt, `/v2/_catalog?n=5&last=${expected[10]}x`);
    expect(between.repositories).toEqual(expected.slice(11, 16));
    expect(await pageOf(jwt, '/v2/_catalog?n=5&last=zzz')).toEqual({ repositories: [], next: undefined });
  });

  test('of whoever sees one at either end has that, and ends', async () => {
    const { people } = server;
    for (const only of [sorted[0]!, sorted.at(-1)!]) {
      const subject = `only-${only.replace('/', '-')}`;
      await people.assign(role, await people.identity(subject), { condition: `${name} StringEquals '${only}'` });
      expect(await listAll(basic('x', await people.jwt(subject)), 1)).toEqual([only]);
    }
  });

  test('of a Catalog Lister has all, though it may read none of it', async () => {
    const { people } = server;
    await people.assign('Container Registry Repository Catalog Lister', await people.identity('lister'));
    const jwt = basic('x', await people.jwt('lister'));
    expect(await listAll(jwt, 1000)).toEqual(sorted);
    const headers = { Authorization: jwt };
    expect((await fetch(`${server.url}/v2/${sorted[0]}/tags/list`, { headers })).status).toBe(403);
  });

  test('is denied to who sees nothing, and asked for of who shows nothing', async () => {
    const headers = { Authorization: basic('x', await server.people.jwt('stranger')) };
    expect((await fetch(`${server.url}/v2/_catalog`, { headers })).status).toBe(403);
    const anonymous = await fetch(`${server.url}/v2/_catalog`, { anonymous: true });
    expect(anonymous.status).toBe(401);
    expect(anonymous.headers.get('www-authenticate')).toEndWith('scope="registry:catalog:*"');
  });

  test('of a token that was not given for it is asked for', async () => {
    const jwt = basic('x', await server.people.jwt('team'));
    const token = await accessToken(server.url, jwt, ['repository:team/00000:pull']);
    const answer = await fetch(`${server.url}/v2/_catalog`, { headers: { Authorization: bearer(token) } });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toEndWith('scope="registry:catalog:*",error="insufficient_scope"');
  });

  test('of everybody has what everybody may pull', async () => {
    const { people, app } = server;
    await people.registry({ anonymousPullRepositories: ['team/*', sorted[3]!] });
    expect(await listAll(undefined, 100)).toEqual(sorted.filter((one) => one.startsWith('team/') || one === sorted[3]));
    await people.registry({ anonymousPullRepositories: [] });
    await people.token('robot', ['repositories/team/00000/content/read', 'repositories/missing/content/read']);
    const { value } = await makePassword(app, { kind: 'token', name: 'robot' });
    expect(await listAll(basic('robot', value), 100)).toEqual(['team/00000']);
  });
});

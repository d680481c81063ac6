import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, ociIndex, putManifest } from '../../test/http/registry.ts';
import { managementOf } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const index = (n: number) =>
  JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [], annotations: { n: `${n}` } });
const digest = (n: number) => digestOf(index(n));
const push = (name: string, tag: string, n: number) => putManifest(server.url, name, tag, index(n), ociIndex);
const acr = (path: string, init?: Parameters<typeof fetch>[1]) => fetch(`${server.url}/acr/v1/${path}`, init);
const undelete = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
  acr(`${path}/_undelete`, { method: 'POST', headers, ...(body !== undefined && { body: JSON.stringify(body) }) });

interface Entry {
  id: string;
  action: string;
  digest?: string;
  manifestExists?: boolean;
  time: string;
  by?: { id: string; name: string };
}
const historyOf = async (path: string) => (await (await acr(`${path}/_history`)).json()) as { history: Entry[] };

let names = 0;
let name = '';
beforeEach(() => {
  name = `team/app${names++}`;
});

describe('the history of a tag', () => {
  test('says where it was, when, and who moved it, in pages that Link leads through', async () => {
    for (const n of [1, 2]) expect((await push(name, 'v1', n)).status).toBe(201);
    expect((await acr(`${name}/_tags/v1`, { method: 'DELETE' })).status).toBe(202);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const entry = { id: expect.stringMatching(/^\d+$/), time, by: { id: 'operator', name: expect.any(String) } };
    const whole = await historyOf(`${name}/_tags/v1`);
    expect(whole as object).toEqual({
      registry: server.host,
      imageName: name,
      tag: 'v1',
      history: [
        { ...entry, action: 'deleted' },
        { ...entry, action: 'moved', digest: digest(2), manifestExists: true },
        { ...entry, action: 'moved', digest: digest(1), manifestExists: true },
      ],
    });
    const walked: Entry[] = [];
    for (let path: string | undefined = `/acr/v1/${name}/_tags/v1/_history?n=2`; path !== undefined;) {
      const answer = await fetch(server.url + path);
      walked.push(...((await answer.json()) as { history: Entry[] }).history);
      path = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1];
    }
    expect(walked).toEqual(whole.history);
  });

  test('is for who may read metadata, undelete for who may push', async () => {
    await push(name, 'v1', 1);
    await push(name, 'v1', 2);
    const manage = managementOf(server.url);
    const as = async (who: string, right: string) => {
      const password = await manage.token(`${who}${names}`, [`repositories/${name}/${right}`]);
      return { Authorization: basic(`${who}${names}`, password) };
    };
    const [reader, writer] = [await as('reader', 'metadata/read'), await as('writer', 'content/write')];
    const path = `${name}/_tags/v1`;
    const status = async (headers: Record<string, string>) => [
      (await acr(`${path}/_history`, { headers })).status,
      (await undelete(path, { force: true }, headers)).status,
    ];
    expect([await status(reader), await status(writer)]).toEqual([
      [200, 403],
      [403, 200],
    ]);
    expect((await historyOf(path)).history[0]).toMatchObject({
      digest: digest(1),
      by: { id: `token:writer${names}`, name: `writer${names}` },
    });
    const nobody = await acr(`${path}/_undelete`, { method: 'POST', anonymous: true });
    expect(nobody.headers.get('www-authenticate')).toContain(`scope="repository:${name}:pull,push"`);
  });

  test('is there where the last manifest of a repository was deleted', async () => {
    await push(name, 'v1', 1);
    await fetch(`${server.url}/v2/${name}/manifests/${digest(1)}`, { method: 'DELETE' });
    expect((await historyOf(`${name}/_tags/v1`)).history.map(({ action }) => action)).toEqual(['deleted', 'moved']);
  });

  test('of what is not there, or asked for wrongly', async () => {
    await push(name, 'v1', 1);
    expect(await historyOf(`${name}/_tags/v9`)).toMatchObject({ history: [] });
    for (const [path, status, code] of [
      [`none/_tags/v1/_history`, 404, 'NAME_UNKNOWN'],
      [`${name}/_tags/-/_history`, 404, 'MANIFEST_UNKNOWN'],
      [`${name}/_tags/v1/_history?last=v1`, 400, 'BAD_REQUEST'],
      [`${name}/_tags/v1/_history?n=-1`, 400, 'PAGINATION_NUMBER_INVALID'],
      ['UPPER/_tags/v1/_history', 400, 'NAME_INVALID'],
    ] as const) {
      const answer = await acr(path);
      expect([path, answer.status, (await errorOf(answer)).code]).toEqual([path, status, code]);
    }
    const posted = await acr(`${name}/_tags/v1/_history`, { method: 'POST' });
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('undelete', () => {
  test('brings a tag back and shows it; the client that pulls it gets what it had', async () => {
    await push(name, 'v1', 1);
    await push(name, 'v1', 2);
    await acr(`${name}/_tags/v1`, { method: 'DELETE' });
    expect((await fetch(`${server.url}/v2/${name}/manifests/v1`)).status).toBe(404);
    const answer = await undelete(`${name}/_tags/v1`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ imageName: name, tag: { name: 'v1', digest: digest(2) } });
    const pulled = await fetch(`${server.url}/v2/${name}/manifests/v1`);
    expect([pulled.status, await pulled.text()]).toEqual([200, index(2)]);
    expect((await historyOf(`${name}/_tags/v1`)).history.map(({ action }) => action)).toEqual([
      'moved',
      'deleted',
      'moved',
      'moved',
    ]);
  });

  test('of a tag that is there is 409, unless it is forced', async () => {
    await push(name, 'v1', 1);
    await push(name, 'v1', 2);
    const refused = await undelete(`${name}/_tags/v1`, { digest: digest(1) });
    const error = await errorOf(refused);
    expect([refused.status, error.code]).toEqual([409, 'CONFLICT']);
    expect(error.detail).toMatchObject({ tag: 'v1', digest: digest(2), wanted: digest(1) });
    const forced = await undelete(`${name}/_tags/v1`, { digest: digest(1), force: true });
    expect(await forced.json()).toMatchObject({ tag: { digest: digest(1) } });
  });

  test('of what is gone, never was, or is asked for wrongly', async () => {
    await push(name, 'v1', 1);
    await push(name, 'v2', 2);
    await fetch(`${server.url}/v2/${name}/manifests/${digest(1)}`, { method: 'DELETE' });
    for (const [tag, body, status, code] of [
      ['v1', undefined, 404, 'MANIFEST_UNKNOWN'],
      ['v9', undefined, 404, 'MANIFEST_UNKNOWN'],
      ['v2', { digest: digest(9) }, 404, 'MANIFEST_UNKNOWN'],
      ['v2', { digest: 'v1' }, 400, 'DIGEST_INVALID'],
      ['v2', { digest: 7 }, 400, 'BAD_REQUEST'],
      ['v2', { force: 'yes' }, 400, 'BAD_REQUEST'],
      ['v2', { tag: 'v1' }, 400, 'BAD_REQUEST'],
      ['v2', [], 400, 'BAD_REQUEST'],
      ['v2', 'x', 400, 'BAD_REQUEST'],
      ['v2', { digest: 'x'.repeat(5000) }, 413, 'SIZE_INVALID'],
    ] as const) {
      const answer = await undelete(`${name}/_tags/${tag}`, body);
      expect([tag, body, answer.status, (await errorOf(answer)).code]).toEqual([tag, body, status, code]);
    }
    for (const body of ['{', new Uint8Array([0xff, 0xfe])]) {
      const answer = await acr(`${name}/_tags/v2/_undelete`, { method: 'POST', body });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([400, 'BAD_REQUEST']);
    }
    expect((await undelete('none/_tags/v1')).status).toBe(404);
    expect((await acr(`${name}/_tags/v2/_undelete`)).status).toBe(405);
  });
});

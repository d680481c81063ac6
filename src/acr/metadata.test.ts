import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, makeImage, pushImage } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const call = (path: string, init?: Parameters<typeof fetch>[1]) => fetch(`${server.url}/acr/v1/${path}`, init);
const put = (path: string, body: string, type?: string) =>
  call(path, { method: 'PUT', body, headers: type === undefined ? {} : { 'Content-Type': type } });
const remove = (path: string) => call(path, { method: 'DELETE' });
const keysOf = async (path: string) => (await call(`${path}/_metadata`)).json();
const rowsLeft = () => server.app.storage.db.all('SELECT "key" FROM custom_metadata', []);

const levels = ['repository', 'tag', 'manifest'] as const;

/** An image, with the path of one of its levels, and what a list of its keys says of it. */
async function level(name: string, of: (typeof levels)[number]) {
  const { digest } = await pushImage(server.url, name, 'v1', makeImage());
  const source = { registry: server.host, imageName: name };
  const paths = { repository: name, tag: `${name}/_tags/v1`, manifest: `${name}/_manifests/${digest}` };
  const says = { repository: {}, tag: { tagName: 'v1' }, manifest: { digest } };
  return { path: paths[of], list: { ...source, ...says[of] } };
}

describe.each(levels)('metadata of a %s', (of) => {
  test('is put, read as it was put, listed by its keys, replaced and deleted', async () => {
    const { path, list } = await level(`metadata/${of}`, of);
    expect(await keysOf(path)).toEqual({ ...list, metadata: [] });
    const json = '{"approved" : true}';
    expect((await put(`${path}/_metadata/ticket`, json, 'application/json; charset=utf-8')).status).toBe(201);
    expect((await put(`${path}/_metadata/Build.no-1_x`, 'grün', 'text/plain')).status).toBe(201);
    expect(await keysOf(path)).toEqual({ ...list, metadata: ['Build.no-1_x', 'ticket'] });
    const answer = await call(`${path}/_metadata/ticket`);
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['application/json', json]);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await (await call(`${path}/_metadata/Build.no-1_x`)).text()).toBe('grün');
    // Without a type it is text.
    expect((await put(`${path}/_metadata/ticket`, '{')).status).toBe(201);
    const replaced = await call(`${path}/_metadata/ticket`);
    expect(replaced.headers.get('content-type')).toStartWith('text/plain');
    expect(await replaced.text()).toBe('{');
    expect((await remove(`${path}/_metadata/ticket`)).status).toBe(202);
    for (const gone of [await call(`${path}/_metadata/ticket`), await remove(`${path}/_metadata/ticket`)])
      expect([gone.status, (await errorOf(gone)).code]).toEqual([404, 'NOT_FOUND']);
    expect(await keysOf(path)).toEqual({ ...list, metadata: ['Build.no-1_x'] });
  });

  test('has fifty keys at most, however many come at once', async () => {
    const { path } = await level(`many/${of}`, of);
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
    const answers = await Promise.all(keys.map((key) => put(`${path}/_metadata/${key}`, 'x')));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([
      ...Array.from<number>({ length: 50 }).fill(201),
      ...Array.from<number>({ length: 10 }).fill(409),
    ]);
    const { metadata } = (await keysOf(path)) as { metadata: string[] };
    expect(metadata).toHaveLength(50);
    expect((await put(`${path}/_metadata/${metadata[0]}`, 'again')).status).toBe(201);
    expect((await remove(`${path}/_metadata/${metadata[0]}`)).status).toBe(202);
    expect((await put(`${path}/_metadata/new`, 'x')).status).toBe(201);
  });

  test('is not changed while it is locked against writing', async () => {
    const { path } = await level(`locked/${of}`, of);
    expect((await put(`${path}/_metadata/key`, 'x')).status).toBe(201);
    const write = (writeEnabled: boolean) => call(path, { method: 'PATCH', body: JSON.stringify({ writeEnabled }) });
    expect((await write(false)).status).toBe(200);
    for (const answer of [await put(`${path}/_metadata/key`, 'y'), await remove(`${path}/_metadata/key`)])
      expect([answer.status, (await errorOf(answer)).code]).toEqual([405, 'REGISTRY_DISALLOWED_OPERATION']);
    expect(await (await call(`${path}/_metadata/key`)).text()).toBe('x');
    expect((await write(true)).status).toBe(200);
    expect((await put(`${path}/_metadata/key`, 'y')).status).toBe(201);
  });
});

test('goes with what it belongs to, and does not come back with it', async () => {
  const image = makeImage();
  const name = 'goes/app';
  const paths = [name, `${name}/_tags/v1`, `${name}/_manifests/${image.digest}`];
  const fill = async () => {
    await pushImage(server.url, name, 'v1', image);
    for (const path of paths) expect((await put(`${path}/_metadata/key`, 'x')).status).toBe(201);
  };
  const metadataOf = async (path: string) => ((await keysOf(path)) as { metadata: string[] }).metadata;
  await fill();
  await remove(`${name}/_tags/v1`);
  await pushImage(server.url, name, 'v1', image);
  expect(await metadataOf(paths[1]!)).toEqual([]);
  expect(await metadataOf(paths[2]!)).toEqual(['key']);
  await fetch(`${server.url}/v2/${name}/manifests/${image.digest}`, { method: 'DELETE' });
  await pushImage(server.url, name, 'v1', image);
  expect(await metadataOf(paths[2]!)).toEqual([]);
  await fill();
  const before = await rowsLeft();
  expect((await remove(name)).status).toBe(202);
  await pushImage(server.url, name, 'v1', image);
  for (const path of paths) expect(await metadataOf(path)).toEqual([]);
  // Those of the repository itself go with its row.
  expect((await rowsLeft()).length).toBe(before.length - 2);
});

describe('what is none', () => {
  beforeAll(() => pushImage(server.url, 'bad', 'v1', makeImage()));

  test.each(['-a', '.a', 'a b', 'a%20b', 'ä', 'x'.repeat(129), '_key', ''])('a key %j', async (key) => {
    for (const method of ['GET', 'PUT', 'DELETE']) {
      const answer = await call(`bad/_metadata/${key}`, { method, ...(method === 'PUT' && { body: 'x' }) });
      expect([answer.status, (await errorOf(answer)).code]).toEqual([400, 'BAD_REQUEST']);
    }
  });

  test.each<[body: string | Uint8Array<ArrayBuffer>, type: string, status: number]>([
    ['{', 'application/json', 400],
    [new Uint8Array([0xff, 0xfe]), 'text/plain', 400],
    ['a\0b', 'text/plain', 400],
    ['x', 'application/octet-stream', 415],
    ['x', 'text/html', 415],
    ['x'.repeat(4097), 'text/plain', 413],
  ])('a value %j of the type %s', async (body, type, status) => {
    const answer = await call('bad/_metadata/key', { method: 'PUT', body, headers: { 'Content-Type': type } });
    expect(answer.status).toBe(status);
    expect((await call('bad/_metadata/key')).status).toBe(404);
  });

  test.each([
    ['none', 'NAME_UNKNOWN'],
    ['bad/_tags/v9', 'MANIFEST_UNKNOWN'],
    ['bad/_tags/-', 'MANIFEST_UNKNOWN'],
    ['bad/_manifests/v9', 'MANIFEST_UNKNOWN'],
    [`bad/_manifests/${digestOf('none')}`, 'MANIFEST_UNKNOWN'],
  ])('of what is not there, %s', async (path, code) => {
    for (const answer of [
      await call(`${path}/_metadata`),
      await call(`${path}/_metadata/key`),
      await put(`${path}/_metadata/key`, 'x'),
      await remove(`${path}/_metadata/key`),
    ])
      expect([answer.status, (await errorOf(answer)).code]).toEqual([404, code]);
  });

  test('a method that is not served', async () => {
    const answer = await call('bad/_metadata', { method: 'POST', body: '{}' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });
});

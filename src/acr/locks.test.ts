import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { digestOf, errorOf, makeImage, pushBlob, pushImage, putManifest } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';

/* Locks as clients meet them. What they do to each other is in src/catalog/locks.property.test.ts. */

let server: Awaited<ReturnType<typeof startTestApp>>;
beforeAll(async () => {
  server = await startTestApp();
});
afterAll(() => server[Symbol.asyncDispose]());

const acr = (path: string, init?: Parameters<typeof fetch>[1]) => fetch(`${server.url}/acr/v1/${path}`, init);
const v2 = (path: string, init?: Parameters<typeof fetch>[1]) => fetch(`${server.url}/v2/${path}`, init);
const patch = (path: string, body: unknown) =>
  acr(path, { method: 'PATCH', body: typeof body === 'string' ? body : JSON.stringify(body) });
const remove = (path: string) => fetch(`${server.url}${path}`, { method: 'DELETE' });

interface Attributes {
  [field: string]: unknown;
}
interface Body {
  [field: string]: unknown;
  changeableAttributes?: Attributes;
  tag?: { changeableAttributes: Attributes };
  manifest?: { changeableAttributes: Attributes; tags?: string[] };
}

async function attributesOf(answer: Response): Promise<Attributes> {
  expect(answer.status).toBe(200);
  const body = (await answer.json()) as Body;
  return (body.changeableAttributes ?? (body.tag ?? body.manifest)?.changeableAttributes)!;
}

async function lock(path: string, body: unknown): Promise<Attributes> {
  return attributesOf(await patch(path, body));
}

async function refused(answer: Response): Promise<Record<string, unknown>> {
  const { code, message, detail } = await errorOf(answer);
  expect([answer.status, code]).toEqual([405, 'REGISTRY_DISALLOWED_OPERATION']);
  expect(message).toStartWith('The operation is disallowed on this registry, repository or image.');
  return detail;
}

const names = async (path: string, key: string, of = 'name') =>
  ((await (await acr(path)).json()) as Record<string, (string | Record<string, string>)[]>)[key]!.map((one) =>
    typeof one === 'string' ? one : one[of]!,
  );

const open = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true };
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe.each(['repository', 'tag', 'manifest'] as const)('attributes of a %s', (level) => {
  test('are changed one by one, shown everywhere, and given back', async () => {
    const name = `attributes/${level}`;
    const { digest } = await pushImage(server.url, name, 'v1', makeImage());
    const path = { repository: name, tag: `${name}/_tags/v1`, manifest: `${name}/_manifests/${digest}` }[level];
    expect(await lock(path, {})).toEqual(open);
    const until = inAnHour();
    const locked = { deleteEnabled: false, writeEnabled: false, lockReason: 'release 1', lockExpiresOn: until };
    const shown = { ...open, ...locked, lockOwner: 'local operator' };
    expect(await lock(path, locked)).toEqual(shown);
    expect(await attributesOf(await acr(path))).toEqual(shown);
    if (level !== 'repository') {
      const list = (await (await acr(`${name}/_${level}s`)).json()) as Record<string, Body[]>;
      expect(list[`${level}s`]![0]!.changeableAttributes).toEqual(shown);
    }
    expect(await lock(path, { writeEnabled: true })).toEqual({ ...shown, writeEnabled: true });
    const { lockReason: _, lockExpiresOn: __, ...forEver } = { ...shown, writeEnabled: true };
    expect(await lock(path, { lockReason: null, lockExpiresOn: null })).toEqual(forEver);
    expect(await lock(path, { deleteEnabled: true })).toEqual(open);
    expect(await attributesOf(await acr(path))).toEqual(open);
  });
});

describe('a locked tag', () => {
  test('is neither moved nor deleted, nor is what it names, and the refusal says by whom, why and until when', async () => {
    const image = makeImage();
    await pushImage(server.url, 'tag/locked', 'v1', image);
    const until = inAnHour();
    await lock('tag/locked/_tags/v1', { writeEnabled: false, lockReason: 'in production', lockExpiresOn: until });
    const detail = {
      level: 'tag',
      name: 'v1',
      attribute: 'writeEnabled',
      lockOwner: 'local operator',
      lockReason: 'in production',
      lockExpiresOn: until,
    };
    const other = makeImage();
    for (const blob of [other.config, other.layer]) await pushBlob(server.url, 'tag/locked', blob);
    const moved = await putManifest(server.url, 'tag/locked', 'v1', other.text);
    expect(await refused(moved)).toMatchObject(detail);
    for (const path of [
      '/acr/v1/tag/locked/_tags/v1',
      '/v2/tag/locked/manifests/v1',
      `/v2/tag/locked/manifests/${image.digest}`,
      '/acr/v1/tag/locked',
    ])
      expect(await refused(await remove(path))).toMatchObject(detail);
    expect((await v2('tag/locked/manifests/v1')).headers.get('docker-content-digest')).toBe(image.digest);
    // Nothing of the push that was refused is left, and the same image may be pushed again.
    expect((await v2(`tag/locked/manifests/${other.digest}`)).status).toBe(404);
    expect((await putManifest(server.url, 'tag/locked', 'v1', image.text)).status).toBe(201);
    await lock('tag/locked/_tags/v1', { writeEnabled: true });
    expect((await putManifest(server.url, 'tag/locked', 'v1', other.text)).status).toBe(201);
    expect((await remove('/acr/v1/tag/locked')).status).toBe(202);
  });

  test('that must not be deleted may move, and keeps what it names then', async () => {
    const [first, second] = [makeImage(), makeImage()];
    await pushImage(server.url, 'tag/moves', 'v1', first);
    await lock('tag/moves/_tags/v1', { deleteEnabled: false });
    await pushImage(server.url, 'tag/moves', 'v1', second);
    expect((await remove(`/v2/tag/moves/manifests/${first.digest}`)).status).toBe(202);
    expect(await refused(await remove(`/v2/tag/moves/manifests/${second.digest}`))).toMatchObject({ name: 'v1' });
  });
});

describe('a repository that must not be written to', () => {
  test('takes no manifest, no blob, no mount, loses nothing, and what is in it stays as it was', async () => {
    const image = makeImage();
    await pushImage(server.url, 'whole/locked', 'v1', image);
    await pushImage(server.url, 'whole/other', 'v1', image);
    await pushBlob(server.url, 'whole/other', 'more');
    await lock('whole/locked', { writeEnabled: false });
    const refusals = [
      putManifest(server.url, 'whole/locked', 'v2', image.text),
      putManifest(server.url, 'whole/locked', image.digest, image.text),
      v2(`whole/locked/blobs/uploads/?mount=${digestOf('more')}&from=whole/other`, { method: 'POST' }),
      v2(`whole/locked/blobs/uploads/?digest=${digestOf('new')}`, { method: 'POST', body: 'new' }),
      v2('whole/locked/blobs/uploads/', { method: 'POST' }),
      remove('/acr/v1/whole/locked'),
      remove('/acr/v1/whole/locked/_tags/v1'),
      remove(`/v2/whole/locked/manifests/${image.digest}`),
      remove(`/v2/whole/locked/blobs/${digestOf(image.layer)}`),
      patch('whole/locked/_tags/v1', { listEnabled: false }),
      patch(`whole/locked/_manifests/${image.digest}`, { readEnabled: false }),
    ];
    for (const answer of await Promise.all(refusals))
      expect(await refused(answer)).toMatchObject({ level: 'repository', name: 'whole/locked' });
    expect((await v2('whole/locked/manifests/v1')).status).toBe(200);
    expect(await server.app.storage.db.all('SELECT id FROM uploads WHERE repository = ?', ['whole/locked'])).toEqual(
      [],
    );
    await lock('whole/locked', { writeEnabled: true, deleteEnabled: false });
    expect((await putManifest(server.url, 'whole/locked', 'v2', image.text)).status).toBe(201);
    await refused(await remove('/acr/v1/whole/locked/_tags/v2'));
    await lock('whole/locked', { deleteEnabled: true });
    expect((await remove('/acr/v1/whole/locked')).status).toBe(202);
  });
});

test('an upload that was opened before its repository was locked is refused when it ends, and goes on once it is not', async () => {
  await pushImage(server.url, 'whole/opened', 'v1', makeImage());
  const opened = await v2('whole/opened/blobs/uploads/', { method: 'POST' });
  const location = server.url + opened.headers.get('location')!;
  expect((await fetch(location, { method: 'PATCH', body: 'new' })).status).toBe(202);
  await lock('whole/opened', { writeEnabled: false });
  const finish = () => fetch(`${location}?digest=${digestOf('new')}`, { method: 'PUT' });
  await refused(await finish());
  await lock('whole/opened', { writeEnabled: true });
  expect((await finish()).status).toBe(201);
});

describe('what must not be read', () => {
  const pulls = (name: string, reference: string) =>
    (['GET', 'HEAD'] as const).map((method) => v2(`${name}/manifests/${reference}`, { method }));

  test.each(['repository', 'tag', 'manifest'] as const)('of a %s is not pulled', async (level) => {
    const name = `read/${level}`;
    const image = makeImage();
    await pushImage(server.url, name, 'v1', image);
    await pushImage(server.url, name, 'v2', image);
    // Pulled often enough that the manifest is known.
    for (let n = 0; n < 3; n++)
      for (const reference of ['v1', image.digest])
        expect((await v2(`${name}/manifests/${reference}`)).status).toBe(200);
    const path = { repository: name, tag: `${name}/_tags/v1`, manifest: `${name}/_manifests/${image.digest}` }[level];
    await lock(path, { readEnabled: false });
    const statuses = async () => {
      const references = ['v1', 'v2', image.digest];
      const answers = references.map(async (reference) =>
        (await Promise.all(pulls(name, reference))).map(({ status }) => status),
      );
      return Promise.all(answers);
    };
    const no = [405, 405];
    const yes = [200, 200];
    expect(await statuses()).toEqual({ repository: [no, no, no], tag: [no, yes, yes], manifest: [no, no, no] }[level]);
    const blob = `${name}/blobs/${digestOf(image.layer)}`;
    for (const method of ['GET', 'HEAD'])
      expect((await v2(blob, { method })).status).toBe(level === 'repository' ? 405 : 200);
    // Its attributes are there, for whoever is to unlock it.
    expect(await attributesOf(await acr(path))).toMatchObject({ readEnabled: false });
    await lock(path, { readEnabled: true });
    expect(await statuses()).toEqual([yes, yes, yes]);
  });

  test('is not mounted from, and nothing is told of it', async () => {
    await pushBlob(server.url, 'read/source', 'secret');
    await pushImage(server.url, 'read/source', 'v1', makeImage());
    await lock('read/source', { readEnabled: false });
    for (const from of ['&from=read/source', '']) {
      const answer = await v2(`read/target/blobs/uploads/?mount=${digestOf('secret')}${from}`, { method: 'POST' });
      expect(answer.status).toBe(202);
    }
  });
});

describe('what must not be listed', () => {
  test('is in no list, and there for whoever knows its name', async () => {
    const image = makeImage();
    for (const tag of ['a', 'b', 'c']) await pushImage(server.url, 'list/app', tag, image);
    const other = await pushImage(server.url, 'list/app', 'd', makeImage());
    await pushImage(server.url, 'list/hidden', 'v1', makeImage());
    await lock('list/app/_tags/b', { listEnabled: false });
    await lock(`list/app/_manifests/${other.digest}`, { listEnabled: false });
    await lock('list/hidden', { listEnabled: false });
    expect(await names('list/app/_tags', 'tags')).toEqual(['a', 'c', 'd']);
    expect(await names('list/app/_tags?n=2', 'tags')).toEqual(['a', 'c']);
    expect(await names(`list/app/_tags?digest=${image.digest}`, 'tags')).toEqual(['a', 'c']);
    for (const order of ['timeasc', 'timedesc'])
      expect((await names(`list/app/_tags?orderby=${order}`, 'tags')).toSorted()).toEqual(['a', 'c', 'd']);
    expect(await names('list/app/_manifests', 'manifests', 'digest')).toEqual([image.digest]);
    expect(((await (await acr(`list/app/_manifests/${image.digest}`)).json()) as Body).manifest!.tags).toEqual([
      'a',
      'c',
    ]);
    expect(((await (await v2('list/app/tags/list')).json()) as { tags: string[] }).tags).toEqual(['a', 'c', 'd']);
    for (const path of ['/v2/_catalog', '/acr/v1/_catalog']) {
      const { repositories } = (await (await fetch(server.url + path)).json()) as { repositories: string[] };
      expect(repositories.filter((name) => name.startsWith('list/'))).toEqual(['list/app']);
    }
    expect((await v2('list/app/manifests/b')).status).toBe(200);
    expect((await acr('list/app/_tags/b')).status).toBe(200);
    await lock('list/app/_tags/b', { listEnabled: true });
    expect(await names('list/app/_tags', 'tags')).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('what is no change', () => {
  beforeAll(() => pushImage(server.url, 'bad', 'v1', makeImage()));
  test.each<[body: unknown, says: string]>([
    ['', 'JSON'],
    ['{', 'JSON'],
    ['[]', 'object'],
    ['null', 'object'],
    ['"x"', 'object'],
    [{ deleteEnabled: 'false' }, 'deleteEnabled must be true or false'],
    [{ deleteEnabled: 0 }, 'deleteEnabled must be true or false'],
    [{ deleteEnabled: null }, 'deleteEnabled must be true or false'],
    [{ deleteEnable: false }, '"deleteEnable" is no attribute'],
    [{ toString: false }, '"toString" is no attribute'],
    [{ lockOwner: 'me', deleteEnabled: false }, 'lockOwner'],
    [{ quarantineState: 'Released' }, 'quarantineState'],
    [{ quarantineDetails: 'no JSON' }, 'quarantineDetails'],
    [{ lockReason: 'x' }, 'nothing is locked'],
    [{ deleteEnabled: true, lockExpiresOn: '2999-01-01T00:00:00Z' }, 'nothing is locked'],
    [{ deleteEnabled: false, lockReason: 'x'.repeat(513) }, '512'],
    [{ deleteEnabled: false, lockReason: 'two\nlines' }, 'one line'],
    [{ deleteEnabled: false, lockReason: 5 }, 'text'],
    [{ deleteEnabled: false, lockExpiresOn: '2020-01-01T00:00:00Z' }, 'future'],
    [{ deleteEnabled: false, lockExpiresOn: '2999-13-01T00:00:00Z' }, 'no time'],
    [{ deleteEnabled: false, lockExpiresOn: '2999-02-29T00:00:00Z' }, 'no time'],
    [{ deleteEnabled: false, lockExpiresOn: '2999-04-31T23:00:00-02:00' }, 'no time'],
    [{ deleteEnabled: false, lockExpiresOn: 'tomorrow' }, 'must be a time'],
    [{ deleteEnabled: false, lockExpiresOn: '2999-01-01' }, 'must be a time'],
    [{ deleteEnabled: false, lockExpiresOn: 4_000_000_000_000 }, 'must be a time'],
  ])('%j is refused and changes nothing', async (body, says) => {
    for (const path of ['bad', 'bad/_tags/v1', 'bad/_manifests/v1']) {
      const answer = await patch(path, body);
      const { code, message } = await errorOf(answer);
      expect([answer.status, code]).toEqual([400, 'BAD_REQUEST']);
      expect(message).toContain(says);
      expect(await attributesOf(await acr(path))).toEqual(open);
    }
  });

  test('a body that is too large is refused before it is read whole', async () => {
    const answer = await patch('bad', JSON.stringify({ lockReason: 'x'.repeat(20_000) }));
    expect([answer.status, (await errorOf(answer)).code]).toEqual([413, 'SIZE_INVALID']);
  });

  test.each([
    ['none', 'NAME_UNKNOWN'],
    ['none/_tags/v1', 'NAME_UNKNOWN'],
    ['bad/_tags/v9', 'MANIFEST_UNKNOWN'],
    ['bad/_tags/-', 'MANIFEST_UNKNOWN'],
    ['bad/_manifests/v9', 'MANIFEST_UNKNOWN'],
    [`bad/_manifests/${digestOf('none')}`, 'MANIFEST_UNKNOWN'],
  ])('of what is not there, %s, is 404', async (path, code) => {
    const answer = await patch(path, { deleteEnabled: false });
    expect([answer.status, (await errorOf(answer)).code]).toEqual([404, code]);
  });
});

test('a lock that has expired binds nobody', async () => {
  const image = makeImage();
  await pushImage(server.url, 'expiry/app', 'v1', image);
  const { catalog } = server.app.storage;
  const until = inAnHour();
  const all = {
    deleteEnabled: false,
    writeEnabled: false,
    readEnabled: false,
    listEnabled: false,
    lockExpiresOn: until,
  };
  for (const path of ['expiry/app/_tags/v1', `expiry/app/_manifests/${image.digest}`, 'expiry/app'])
    await lock(path, all);
  await refused(await remove('/acr/v1/expiry/app/_tags/v1'));
  await refused(await v2('expiry/app/manifests/v1'));
  catalog.now = () => Date.parse(until);
  using _ = { [Symbol.dispose]: () => void (catalog.now = Date.now) };
  expect((await v2('expiry/app/manifests/v1')).status).toBe(200);
  expect((await v2(`expiry/app/blobs/${digestOf(image.layer)}`)).status).toBe(200);
  expect(await names('expiry/app/_tags', 'tags')).toEqual(['v1']);
  expect(await attributesOf(await acr('expiry/app/_tags/v1'))).toEqual(open);
  // A lock that is set now has nothing of the one before.
  expect(await lock('expiry/app/_tags/v1', { deleteEnabled: false })).toEqual({
    ...open,
    deleteEnabled: false,
    lockOwner: 'local operator',
  });
  await lock('expiry/app/_tags/v1', { deleteEnabled: true });
  await pushImage(server.url, 'expiry/app', 'v1', makeImage());
  expect((await remove('/acr/v1/expiry/app')).status).toBe(202);
});

test('what is deleted and comes back has nothing of the lock before', async () => {
  const image = makeImage();
  await pushImage(server.url, 'again', 'v1', image);
  await lock('again/_tags/v1', { listEnabled: false, lockReason: 'old' });
  await lock(`again/_manifests/${image.digest}`, { listEnabled: false });
  await remove(`/v2/again/manifests/${image.digest}`);
  await pushImage(server.url, 'again', 'v1', image);
  expect(await attributesOf(await acr('again/_tags/v1'))).toEqual(open);
  expect(await attributesOf(await acr(`again/_manifests/${image.digest}`))).toEqual(open);
});

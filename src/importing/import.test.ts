import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { makeImage, pushImage } from '../../test/http/registry.ts';
import { managementOf } from '../../test/support/management.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import {
  askRegistry,
  createRegistry,
  idOfRegistry,
  importInto,
  postImport,
  pushTree,
  until,
} from './import-rig.double.ts';

let source: TestProcess;
let server: TestProcess;
let credentials: { username: string; password: string };

beforeAll(async () => {
  source = await startTestProcess();
  server = await startTestProcess({ settings: { 'outbound.allow': '127.0.0.1' } });
  const management = managementOf(source.url);
  credentials = { username: 'puller', password: await management.token('puller', ['repositories/*/content/read']) };
  await createRegistry(server, 'Second');
}, 120_000);
afterAll(async () => {
  await source?.[Symbol.asyncDispose]();
  await server?.[Symbol.asyncDispose]();
});

const remote = (sourceImage: string, more: object = {}) => ({
  source: { registryUri: source.url, credentials, sourceImage },
  ...more,
});
const here = (sourceImage: string, more: object = {}) => ({
  source: { resourceId: idOfRegistry('default'), sourceImage },
  ...more,
});
const errorOf = async (answer: Response) =>
  ((await answer.json()) as { error: { code: string; message: string; target?: string } }).error;

async function digestAt(registry: string, name: string, reference: string): Promise<string | undefined> {
  const answer = await askRegistry(server, registry, `/v2/${name}/manifests/${reference}`, { method: 'HEAD' });
  return answer.headers.get('docker-content-digest') ?? undefined;
}

describe('from another registry', () => {
  test('an index comes with its images, their blobs, and what refers to any of them', async () => {
    const tree = await pushTree(source.url, 'team/app', 'v1');
    const status = await importInto(
      server,
      remote('team/app:v1', { targetTags: ['team/copy:v1', 'team/copy:latest'] }),
    );
    expect(status.error).toBeUndefined();
    expect(status).toMatchObject({
      status: 'Succeeded',
      percentComplete: 100,
      properties: {
        digest: tree.index,
        manifests: 6,
        progress: { phase: 'tagging', manifests: { done: 6, total: 6 }, blobs: { done: 4, total: 4 } },
      },
    });
    const { bytes } = status.properties!.progress!;
    expect([bytes.done, bytes.total > 2000]).toEqual([bytes.total, true]);
    for (const tag of ['v1', 'latest']) expect(await digestAt('default', 'team/copy', tag)).toBe(tree.index);
    for (const digest of tree.all) expect(await digestAt('default', 'team/copy', digest)).toBe(digest);
    const listed = await fetch(`${server.url}/v2/team/copy/referrers/${tree.index}`);
    const { manifests } = (await listed.json()) as { manifests: { digest: string; annotations: object }[] };
    expect(manifests).toMatchObject([{ digest: tree.signatures[0]!, annotations: { of: tree.index } }]);
    const image = await fetch(`${server.url}/v2/team/copy/manifests/${tree.images[0]}`);
    const { layers } = (await image.json()) as { layers: { digest: string; size: number }[] };
    const layer = await fetch(`${server.url}/v2/team/copy/blobs/${layers[0]!.digest}`);
    expect((await layer.bytes()).byteLength).toBe(layers[0]!.size);
  });

  test('by digest, and to several repositories, some of them without a tag', async () => {
    const { digest } = await pushImage(source.url, 'by/digest', 'v1');
    const targets = { targetTags: ['one/a:x'], untaggedTargetRepositories: ['two/b', 'three'] };
    const status = await importInto(server, remote(`by/digest@${digest}`, targets));
    expect(status).toMatchObject({ status: 'Succeeded', properties: { digest, manifests: 1 } });
    for (const name of ['one/a', 'two/b', 'three']) expect(await digestAt('default', name, digest)).toBe(digest);
    expect(await digestAt('default', 'one/a', 'x')).toBe(digest);
    expect(((await (await fetch(`${server.url}/v2/two/b/tags/list`)).json()) as { tags: string[] }).tags).toEqual([]);
  });

  test('a target without a tag gets that of the source', async () => {
    const { digest } = await pushImage(source.url, 'same/tag', 'v7');
    await importInto(server, remote('same/tag:v7', { targetTags: ['same/tag'] }));
    expect(await digestAt('default', 'same/tag', 'v7')).toBe(digest);
  });

  test('a tag that means another image is kept, unless it is forced; the same image again changes nothing', async () => {
    const old = await pushImage(server.url, 'taken', 'v1');
    const { digest } = await pushImage(source.url, 'taken', 'v1');
    const refused = await importInto(server, remote('taken:v1', { targetTags: ['taken:v1'] }));
    expect(refused).toMatchObject({ status: 'Failed', error: { code: 'Conflict' } });
    expect(refused.error!.message).toContain('taken:v1');
    expect(await digestAt('default', 'taken', 'v1')).toBe(old.digest);
    // Nothing was copied.
    expect(await digestAt('default', 'taken', digest)).toBeUndefined();
    const forced = { targetTags: ['taken:v1'], mode: 'Force' };
    expect(await importInto(server, remote('taken:v1', forced))).toMatchObject({ status: 'Succeeded' });
    expect(await digestAt('default', 'taken', 'v1')).toBe(digest);
    expect(await importInto(server, remote('taken:v1', { targetTags: ['taken:v1'] }))).toMatchObject({
      status: 'Succeeded',
    });
  });

  test('what is not there, and what nobody may pull without credentials, is said', async () => {
    const missing = await importInto(server, remote('no/such:v1', { targetTags: ['no/such:v1'] }));
    expect(missing).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
    expect(missing.error!.message).toContain('no/such:v1');
    const { source: from, ...rest } = remote('team/app:v1', { targetTags: ['nobody:v1'] });
    const { credentials: _, ...nobody } = from;
    const refused = await importInto(server, { source: nobody, ...rest });
    expect(refused).toMatchObject({ status: 'Failed', error: { code: 'OperationFailed' } });
    expect(refused.error!.message).toContain('give credentials');
    const wrong = { ...from, credentials: { username: 'puller', password: 'wrong' } };
    const denied = await importInto(server, { source: wrong, ...rest });
    expect(denied.error!.message).toContain('refuses the credentials');
  });

  test('credentials are in no row and in no log', async () => {
    await importInto(server, remote('no/such:v1', { targetTags: ['no/such:v1'] }));
    // How it ended is recorded, as its request was.
    const records = await until(() => {
      const lines = server
        .output()
        .split('\n')
        .filter((line) => line.includes('importImage/action'));
      return lines.some((line) => line.includes('"ended":"Failed"')) ? lines : undefined;
    });
    expect(records.some((line) => line.includes('"status":202'))).toBe(true);
    expect(records.some((line) => line.includes('"ended":"Succeeded"'))).toBe(true);
    expect(server.output()).not.toContain(credentials.password);
    const { Database } = await import('bun:sqlite');
    const path = `${server.data}/bonded.db`;
    if (!(await Bun.file(path).exists())) return;
    using db = new Database(path, { readonly: true });
    expect(JSON.stringify(db.query('SELECT * FROM operations').all())).not.toContain(credentials.password);
  });
});

describe('from a registry of this server', () => {
  test('everything is linked: not a byte is stored twice', async () => {
    const tree = await pushTree(server.url, 'inner/app', 'v1');
    const status = await importInto(server, here('inner/app:v1', { targetTags: ['outer/app:v1'] }), 'Second');
    expect(status).toMatchObject({ status: 'Succeeded', properties: { digest: tree.index, manifests: 6 } });
    for (const digest of tree.all) expect(await digestAt('Second', 'outer/app', digest)).toBe(digest);
    const image = await askRegistry(server, 'Second', `/v2/outer/app/manifests/${tree.images[1]}`);
    const { layers } = (await image.json()) as { layers: { digest: string }[] };
    const layer = await askRegistry(server, 'Second', `/v2/outer/app/blobs/${layers[0]!.digest}`);
    expect(layer.status).toBe(200);
  });

  test('what is missing and which tags are taken is said at once', async () => {
    const image = await pushImage(server.url, 'inner/one', 'v1');
    await pushImage(server.url, 'inner/one', 'v2');
    const missing = await postImport(server, here('inner/one:v9', { targetTags: ['x:v1'] }), 'Second');
    expect([missing.status, (await errorOf(missing)).code]).toEqual([404, 'ResourceNotFound']);
    // Within one registry, too.
    const taken = await postImport(server, here('inner/one:v1', { targetTags: ['inner/one:v2'] }));
    expect([taken.status, await errorOf(taken)]).toMatchObject([409, { code: 'Conflict', target: 'targetTags' }]);
    const forced = { targetTags: ['inner/one:v2'], mode: 'Force' };
    expect(await importInto(server, here('inner/one:v1', forced))).toMatchObject({ status: 'Succeeded' });
    expect(await digestAt('default', 'inner/one', 'v2')).toBe(image.digest);
  });

  test('nobody imports from where they may not pull, nor learns what is there', async () => {
    await pushImage(server.url, 'hidden/app', 'v1');
    const management = managementOf(server.url);
    const { makeIssuer } = await import('../../test/support/management.ts');
    const issuer = await makeIssuer();
    await management.trust('people', issuer.properties);
    const principalId = await management.identity('importer');
    await management.credential('importer', 'work', {
      issuer: issuer.issuer,
      subject: 'importer',
      audiences: ['bonded'],
    });
    await management.assign('Owner', { principalId, principalType: 'ServicePrincipal' }, idOfRegistry('Second'));
    const headers = { Authorization: `Bearer ${await issuer.token({ sub: 'importer' })}` };
    const body = (image: string) => here(image, { targetTags: ['stolen:v1'] });
    const answers = [];
    for (const image of ['hidden/app:v1', 'hidden/app:v9', 'no/such:v1']) {
      const answer = await postImport(server, body(image), 'Second', { headers });
      answers.push([answer.status, (await errorOf(answer)).code]);
    }
    expect(answers).toEqual(Array.from({ length: 3 }, () => [403, 'AuthorizationFailed']));
    const elsewhere = { source: { ...body('a:v1').source, resourceId: idOfRegistry('Nowhere') }, targetTags: ['a:v1'] };
    expect((await postImport(server, elsewhere, 'Second', { headers })).status).toBe(403);
    // With the right to pull it works; without the one to import it does not.
    await management.assign('AcrPull', { principalId, principalType: 'ServicePrincipal' }, idOfRegistry('default'));
    await management.patch(idOfRegistry('default'), { roleAssignmentMode: 'LegacyRegistryPermissions' });
    expect((await postImport(server, body('hidden/app:v1'), 'Second', { headers })).status).toBe(202);
    expect((await postImport(server, body('hidden/app:v1'), 'default', { headers })).status).toBe(403);
    await management.patch(idOfRegistry('default'), { roleAssignmentMode: 'AbacRepositoryPermissions' });
  });
});

test.each([
  ['no source', { targetTags: ['a:b'] }, 'source'],
  ['two sources', { source: { resourceId: '/x', registryUri: 'a.b', sourceImage: 'a' }, targetTags: ['a'] }, 'source'],
  ['no registry', { source: { resourceId: '/x/y', sourceImage: 'a' }, targetTags: ['a'] }, 'source.resourceId'],
  ['a path', { source: { registryUri: 'a.b/c', sourceImage: 'a' }, targetTags: ['a'] }, 'source.registryUri'],
  ['a user', { source: { registryUri: 'https://a@b', sourceImage: 'a' }, targetTags: ['a'] }, 'source.registryUri'],
  ['no image', { source: { registryUri: 'a.b', sourceImage: 'A B' }, targetTags: ['a'] }, 'source.sourceImage'],
  [
    'half a digest',
    { source: { registryUri: 'a.b', sourceImage: 'a@sha256:1' }, targetTags: ['a'] },
    'source.sourceImage',
  ],
  ['no target', { source: { registryUri: 'a.b', sourceImage: 'a' } }, 'targetTags'],
  ['a bad tag', { source: { registryUri: 'a.b', sourceImage: 'a' }, targetTags: ['a:-'] }, 'targetTags'],
  [
    'a bad repository',
    { source: { registryUri: 'a.b', sourceImage: 'a' }, untaggedTargetRepositories: ['A'] },
    'untaggedTargetRepositories',
  ],
  ['another mode', { source: { registryUri: 'a.b', sourceImage: 'a' }, targetTags: ['a'], mode: 'force' }, 'mode'],
  [
    'half of credentials',
    { source: { registryUri: 'a.b', sourceImage: 'a', credentials: { username: 'a' } }, targetTags: ['a'] },
    'source.credentials.password',
  ],
  [
    'an unknown secret',
    { source: { registryUri: 'a.b', sourceImage: 'a', credentials: { secret: 'x' } }, targetTags: ['a'] },
    'source.credentials.secret',
  ],
])('a request with %s is refused by name', async (_, body, target) => {
  const answer = await postImport(server, body);
  const error = await errorOf(answer);
  expect([answer.status, error]).toMatchObject([400, { code: 'InvalidRequestContent' }]);
  expect(error.target === target || error.message.includes(target)).toBe(true);
});

test('an image is pushed as by a client: its events and its tag history are there', async () => {
  const { digest } = await pushImage(source.url, 'events', 'v1', makeImage());
  await importInto(server, remote('events:v1', { targetTags: ['events:v1'] }));
  const tags = await fetch(`${server.url}/acr/v1/events/_tags/v1`);
  expect(await tags.json()).toMatchObject({ tag: { name: 'v1', digest } });
});

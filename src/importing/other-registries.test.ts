import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { makeIssuer, managementOf } from '../../test/support/management.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { importInto, postImport, pushTree, until } from './import-rig.double.ts';

/** CNCF Distribution, as Debian has it. */
const program = Bun.which('docker-registry');

async function startDistribution(stack: AsyncDisposableStack): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-distribution-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const listener = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  const file = join(directory, 'config.yml');
  await writeFile(
    file,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: 127.0.0.1:${port}}\n`,
  );
  const child = Bun.spawn([program!, 'serve', file], { stdout: 'ignore', stderr: 'ignore' });
  stack.defer(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => ((await globalThis.fetch(`${url}/v2/`).catch(() => undefined)) ? true : undefined));
  return url;
}

test.skipIf(program === null && !process.env['CI'])(
  'from CNCF Distribution: an index with its images; what refers to them is under the fallback tag there',
  async () => {
    await using stack = new AsyncDisposableStack();
    const url = await startDistribution(stack);
    const server = stack.use(await startTestProcess({ settings: { 'outbound.allow': '127.0.0.1' } }));
    const tree = await pushTree(url, 'team/app', 'v1');
    // It knows no referrers API: clients write an index under a tag (distribution-spec, "Referrers Tag Schema").
    const signature = await globalThis.fetch(`${url}/v2/team/app/manifests/${tree.signatures[0]}`, {
      headers: { Accept: 'application/vnd.oci.image.manifest.v1+json' },
    });
    const size = (await signature.bytes()).byteLength;
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: tree.signatures[0], size };
    const tagged = await globalThis.fetch(`${url}/v2/team/app/manifests/${tree.index.replace(':', '-')}`, {
      method: 'PUT',
      headers: { 'Content-Type': mediaType },
      body: JSON.stringify({ schemaVersion: 2, mediaType, manifests: [entry] }),
    });
    expect(tagged.status).toBe(201);
    const source = { registryUri: url, sourceImage: 'team/app:v1' };
    const status = await importInto(server, { source, targetTags: ['copy:v1'] });
    expect(status).toMatchObject({ status: 'Succeeded', properties: { digest: tree.index, manifests: 4 } });
    const listed = await fetch(`${server.url}/v2/copy/referrers/${tree.index}`);
    expect(await listed.json()).toMatchObject({ manifests: [{ digest: tree.signatures[0] }] });
    const again = await importInto(server, { source, targetTags: ['copy:v2'] });
    expect(again).toMatchObject({ status: 'Succeeded' });
  },
  120_000,
);

test('a secret of the configuration: its password is read each time, and goes to its registry alone', async () => {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await startTestProcess());
  await pushImage(source.url, 'team/app', 'v1');
  const password = await managementOf(source.url).token('puller', ['repositories/*/content/read']);
  const directory = await mkdtemp(join(tmpdir(), 'bonded-secret-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'password');
  const config = join(directory, 'secrets.json');
  const secrets = [
    { name: 'source', registry: source.url, username: 'puller', file },
    { name: 'elsewhere', registry: 'registry.example.com', username: 'puller', file },
  ];
  await writeFile(config, JSON.stringify({ import: { secrets } }));
  const server = stack.use(
    await startTestProcess({
      settings: { 'outbound.allow': '127.0.0.1' },
      environment: { BONDED_CONFIG: config },
    }),
  );
  const body = (secret: string) => ({
    source: { registryUri: source.url, sourceImage: 'team/app:v1', credentials: { secret } },
    targetTags: ['copy:v1'],
  });
  const missing = await importInto(server, body('source'));
  expect(missing.error?.message).toContain('the secret source cannot be read');
  await writeFile(file, 'wrong');
  expect((await importInto(server, body('source'))).error?.message).toContain('refuses the credentials');
  await writeFile(file, `${password}\n`);
  expect(await importInto(server, body('source'))).toMatchObject({ status: 'Succeeded' });
  for (const secret of ['elsewhere', 'nowhere']) expect((await postImport(server, body(secret))).status).toBe(400);
  expect(server.output()).not.toContain(password);
}, 120_000);

test('a token of an identity provider, which the other server trusts, is a password', async () => {
  await using stack = new AsyncDisposableStack();
  const source = stack.use(await startTestProcess());
  const { digest } = await pushImage(source.url, 'team/app', 'v1');
  const management = managementOf(source.url);
  const issuer = await makeIssuer();
  await management.trust('cluster', issuer.properties);
  const principalId = await management.identity('mirror');
  const subject = 'system:serviceaccount:bonded:mirror';
  await management.credential('mirror', 'cluster', { issuer: issuer.issuer, subject, audiences: ['bonded'] });
  await management.assign('Container Registry Repository Reader', { principalId, principalType: 'ServicePrincipal' });
  const directory = await mkdtemp(join(tmpdir(), 'bonded-token-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'token');
  const username = '00000000-0000-0000-0000-000000000000';
  const config = join(directory, 'secrets.json');
  await writeFile(
    config,
    JSON.stringify({ import: { secrets: [{ name: 'identity', registry: source.url, username, file }] } }),
  );
  const server = stack.use(
    await startTestProcess({ settings: { 'outbound.allow': '127.0.0.1' }, environment: { BONDED_CONFIG: config } }),
  );
  await writeFile(file, await issuer.token({ sub: subject }));
  const credentials = { secret: 'identity' };
  const body = {
    source: { registryUri: source.url, sourceImage: 'team/app:v1', credentials },
    targetTags: ['copy:v1'],
  };
  expect(await importInto(server, body)).toMatchObject({ status: 'Succeeded', properties: { digest } });
}, 120_000);

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasTool, run } from '../clients/command.ts';
import { pull } from '../clients/pull.ts';
import { pushImage } from '../http/registry.ts';
import { knownFront } from '../support/credentials.ts';
import { freshDatabaseOptions, testDialect } from '../support/database.ts';
import { s3Environment, startS3 } from '../support/s3.ts';
import { startTestProcess } from '../support/server.ts';

const root = join(import.meta.dir, '../..');
const files = [...new Bun.Glob('deploy/compose*.yaml').scanSync(root)].toSorted();
const ci = process.env['CI'] === 'true';

interface Service {
  image: string;
  network_mode?: string;
  healthcheck?: { test: string[] };
  environment?: Record<string, string>;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bonded-compose-'));
  await cp(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
  // What must come from .env, which the reference implementation by itself does not read.
  for (const file of files) {
    const text = await Bun.file(join(root, file)).text();
    await writeFile(join(folder, file), text.replaceAll(/\$\{\w+:\?\}/g, 'given'));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

// compose-go is the reference implementation of the Compose specification, which the docker CLI uses.
const composed = test.skipIf(!ci && !hasTool('compose-go'));

async function servicesOf(file: string): Promise<Record<string, Service>> {
  const { stdout } = await run(['compose-go', '-format', 'json', join(folder, file)], { environment: {} });
  return (JSON.parse(stdout) as { services: Record<string, Service> }).services;
}

test('there are two Compose files', () =>
  expect(files).toEqual(['deploy/compose.cluster.yaml', 'deploy/compose.yaml']));

composed.each(files)('%s is what Compose takes', async (file) => {
  const ours = Object.values(await servicesOf(file)).filter(({ image }) => image.startsWith('bonded:'));
  expect(ours).not.toBeEmpty();
  for (const { network_mode, healthcheck } of ours) {
    // Bonded listens on loopback only, which in a network of its own nobody could reach.
    expect(network_mode).toBe('host');
    expect(healthcheck?.test).toEqual(['CMD', '/usr/bin/bonded', 'ready']);
  }
});

test('every setting that deploy/ and its guide name exists', async () => {
  const reference = await Bun.file(join(root, 'docs/reference/configuration.md')).text();
  const texts = [...files, 'deploy/Containerfile', 'deploy/bonded.service', 'docs/guides/deploying.md'];
  let named = 0;
  for (const file of texts) {
    for (const [name] of (await Bun.file(join(root, file)).text()).matchAll(/\bBONDED_[A-Z0-9_]+[A-Z0-9]\b/g)) {
      named++;
      if (name === 'BONDED_PORT') continue;
      expect(reference).toContain(`\`${name.replace(/_FILE$/, '')}\``);
    }
  }
  expect(named).toBeGreaterThan(5);
});

const clustered = composed.skipIf(
  testDialect() !== 'postgres' || (!ci && !(Bun.which('versitygw') && Bun.which('setpriv') && hasTool('nginx'))),
);

clustered('the two nodes of the cluster serve one registry behind its nginx', async () => {
  const services = await servicesOf('deploy/compose.cluster.yaml');
  await using fresh = await freshDatabaseOptions();
  if (fresh.kind !== 'postgres') throw new Error('there is no PostgreSQL');
  const s3 = await startS3();
  const bucket = await s3.bucket();
  const secret = randomBytes(32).toString('base64');
  const start = (node: string) => {
    const given = services[node]!.environment!;
    expect(given['BONDED_STORAGE_S3_BUCKET']).toBe('bonded');
    // What is where, and who may; the rest is as it is there.
    const environment = Object.fromEntries(
      Object.entries({ ...given, ...s3Environment }).map(([name, value]) => [
        name,
        value
          .replace('postgres://bonded@127.0.0.1:5432/bonded', fresh.url)
          .replace('http://127.0.0.1:7070', s3.endpoint),
      ]),
    );
    for (const name of ['ISSUER', 'SUBJECT']) expect(given[`BONDED_BOOTSTRAP_OWNER_${name}`]).toBeTruthy();
    return startTestProcess({
      database: '',
      isOwners: true,
      environment: { ...environment, BONDED_STORAGE_S3_BUCKET: bucket, BONDED_KEYS_SECRET: secret },
    });
  };
  await using one = await start('node1');
  await using two = await start('node2');
  await using proxy = await startNginx({ '127.0.0.1:5001': one.host, '127.0.0.1:5002': two.host });
  // nginx does not listen on the port of its scheme: clients must be told where to ask for tokens.
  const challenge = (await globalThis.fetch(`${proxy.url}/v2/`)).headers.get('www-authenticate');
  expect(challenge).toContain(`realm="${proxy.url}/oauth2/token"`);
  using fronts = new DisposableStack();
  fronts.use(knownFront(proxy.url, one.url));

  for (let count = 0; count < 5; count++) {
    const image = await pushImage(proxy.url, 'team/app', `v${count}`);
    for (const { url } of [proxy, one, two]) {
      expect((await pull(url, 'team/app', `v${count}`)).root.digest).toBe(image.digest);
    }
  }
  for (const server of [one, two]) expect(server.output()).toContain('"msg":"served"');
  // One goes; the other serves on.
  one.process.kill('SIGKILL');
  await one.process.exited;
  await pushImage(proxy.url, 'team/app', 'after');
  await pull(proxy.url, 'team/app', 'after');
});

/** nginx as deploy/ has it, with other addresses. */
async function startNginx(addresses: Record<string, string>) {
  const own = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  const { port } = own;
  own.stop(true);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  let text = (await Bun.file(join(folder, 'deploy/nginx.conf')).text())
    .replace('http {', `http { ${temporary.join(' ')}`)
    .replace('127.0.0.1:5000', `127.0.0.1:${port}`);
  for (const [from, to] of Object.entries(addresses)) text = text.replace(from, to);
  const file = join(folder, 'nginx.conf');
  await writeFile(file, text);
  const globals = `daemon off; master_process off; pid ${folder}/pid; error_log stderr error;`;
  const program = Bun.which('nginx') ?? '/usr/sbin/nginx';
  const nginx = Bun.spawn([program, '-p', folder, '-c', file, '-g', globals], { stdout: 'ignore', stderr: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + 45_000; Date.now() < until && nginx.exitCode === null; await Bun.sleep(20)) {
    if ((await fetch(`${url}/readyz`).catch(() => undefined))?.ok) break;
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      nginx.kill('SIGKILL');
      await nginx.exited;
    },
  };
}

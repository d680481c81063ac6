import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasTool, run as runCommand, toolPath } from '../clients/command.ts';
import { fetch } from '../http/fetch.ts';
import { errorOf, pushImage } from '../http/registry.ts';
import { freshDatabaseOptions, testDialect } from '../support/database.ts';
import { writeOciLayout } from '../support/oci-layout.ts';
import { s3Environment, startS3 } from '../support/s3.ts';
import { startTestProcess, type StartOptions, type TestProcess } from '../support/server.ts';
import { signIn } from '../support/sign-in.ts';
import { type Built, buildRoot } from './build.ts';

/** Below the root. */
const program = '/usr/bin/bonded';
const data = '/var/lib/bonded';

const separate = ['unshare', '--user', '--map-root-user', '--mount'];
const able =
  process.env['CI'] === 'true' ||
  (process.platform === 'linux' && Bun.spawnSync(['sh', '-c', `exec ${separate.join(' ')} true`]).exitCode === 0);
if (!able) console.warn('skipped: this user may not make namespaces (unshare)');
const given = test.skipIf(!able);
const withClients = given.skipIf(process.env['CI'] !== 'true' && !(hasTool('skopeo') && hasTool('crane')));

let built: Built;
let home: string;
/** Before an argument vector, it is run in the root. It needs no privilege, and the process stays our own child. */
let inside: string[];

beforeAll(async () => {
  built = await buildRoot();
  const root = built.directory;
  await mkdir(join(root, 'proc'));
  await Bun.write(join(root, 'dev/null'), '');
  home = await mkdtemp(join(tmpdir(), 'bonded-outside-'));
  // Of /dev, only starting a worker needs something.
  const mounts = 'mount --rbind /proc "$1/proc"; mount --bind /dev/null "$1/dev/null"';
  const enter = `${mounts}; root=$1; shift; exec chroot "$root" "$@"`;
  inside = [...separate, 'sh', '-ec', enter, 'sh', root];
}, 120_000);
afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await built[Symbol.asyncDispose]();
});

const start = (options: StartOptions & { environment?: Record<string, string> } = {}) =>
  startTestProcess({
    database: '',
    data,
    dataOutside: join(built.directory, options.data ?? data),
    ...options,
    command: inside,
    program,
  });

/** A client from outside, which reads nothing of the user's. */
const client = async ({ url }: TestProcess, ...command: string[]) =>
  runCommand(command, {
    environment: {
      HOME: home,
      TMPDIR: home,
      SSL_CERT_FILE: join(built.directory, data, 'tls/ca.crt'),
      ...(await signIn(home, url)),
    },
  });

async function bonded(...args: string[]) {
  const child = Bun.spawn([...inside, program, ...args], {
    env: { PATH: toolPath, BONDED_DATA: data },
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [out, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, out, error };
}

/** Every file and directory outside the data, with its size. */
async function outside(): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(built.directory, { recursive: true })) {
    if (/^(?:proc|dev|var\/lib\/bonded)\//.test(entry)) continue;
    const { size, mode } = await stat(join(built.directory, entry));
    found.push(`${entry} ${mode.toString(8)} ${size}`);
  }
  return found.toSorted();
}

given('the root holds the program, glibc, two names and its licences', async () => {
  const files = (await outside()).map((line) => line.split(' ')[0]!).filter((path) => /[.]so|\/\w+$/.test(path));
  const known = /^(?:usr\/bin\/bonded|usr\/share\/doc\/bonded\/LICENSES|etc\/passwd|etc\/group)$/;
  const libraries = /\/(?:ld-linux-[\w-]+\.so\.\d|lib(?:c|m|dl|pthread)\.so\.\d)$/;
  for (const path of files) {
    if ((await stat(join(built.directory, path))).isFile())
      expect(path).toMatch(new RegExp(`${known.source}|${libraries.source}`));
  }
  expect(files.filter((path) => libraries.test(path)).length).toBeGreaterThanOrEqual(3);
  expect((await bonded('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

withClients('with nothing but itself it serves a client, starts again, and checks its data', async () => {
  const before = await outside();
  const layout = join(home, 'image');
  await writeOciLayout(layout);
  {
    await using server = await start();
    await client(
      server,
      'skopeo',
      'copy',
      '--preserve-digests',
      '--dest-tls-verify=false',
      `oci:${layout}:latest`,
      `docker://${server.host}/app:v1`,
    );
    await client(server, 'crane', 'pull', '--insecure', `${server.host}/app:v1`, join(home, 'first.tar'));
    const ready = await bonded('ready', '--listen', server.host);
    expect(ready).toEqual({ code: 0, out: 'ok\n', error: '' });
    expect(await server.end()).toBe(0);
  }
  expect((await bonded('ready', '--listen', '127.0.0.1:1')).code).toBe(1);
  {
    await using server = await start();
    await client(
      server,
      'skopeo',
      'copy',
      '--preserve-digests',
      '--src-tls-verify=false',
      `docker://${server.host}/app:v1`,
      `oci:${home}/pulled:v1`,
    );
    // The dry run may look while the server runs.
    expect(await bonded('gc', '--dry-run')).toMatchObject({ code: 0, error: '' });
    expect(await server.end()).toBe(0);
  }
  const [pushed, pulled] = await Promise.all(
    [layout, join(home, 'pulled')].map((from) => readdir(join(from, 'blobs/sha256'))),
  );
  expect(pulled!.toSorted()).toEqual(pushed!.toSorted());
  expect(await bonded('fsck', '--verify')).toEqual({ code: 0, out: 'facts and bytes agree\n', error: '' });
  expect(await outside()).toEqual(before);
});

withClients('TLS needs nothing from outside', async () => {
  expect((await bonded('cert', 'dev', '--directory', `${data}/tls`)).code).toBe(0);
  const settings = { 'tls.certificate': `${data}/tls/server.crt`, 'tls.key': `${data}/tls/server.key` };
  await using server = await start({ settings });
  expect(server.url).toStartWith('https://');
  await client(server, 'crane', 'catalog', server.host);
  const tls = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
  expect((await bonded('ready', '--listen', server.host, ...tls)).code).toBe(0);
});

given('its workers are itself', async () => {
  await using server = await start({ settings: { processes: 2 } });
  const image = await pushImage(server.url, 'team/two', 'latest');
  for (let count = 0; count < 20; count++) {
    // Each on a connection of its own, so that either answers.
    const headers = { Connection: 'close' };
    const pulled = await fetch(`${server.url}/v2/team/two/manifests/latest`, { headers });
    expect(await pulled.text()).toBe(image.text);
  }
  expect((await fetch(`${server.url}/v2/`, { headers: { 'X-Long': 'x'.repeat(60_000) } })).status).toBe(200);
  expect(await server.end()).toBe(0);
});

given('headers may be long, and refusals have their body', async () => {
  await using server = await start();
  const headers = { 'X-Long': 'x'.repeat(60_000) };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
  expect((await errorOf(await fetch(`${server.url}/v2/none/manifests/v1`))).code).toBe('NAME_UNKNOWN');
});

given('the driver of PostgreSQL is in it', async () => {
  const { code, error } = await bonded('serve', '--listen', '127.0.0.1:0', '--database', 'postgres://127.0.0.1:1/none');
  expect(error).toContain('PostgreSQL at 127.0.0.1:1/none');
  expect(error).toContain('check that it runs');
  expect(code).toBe(1);
});

given.skipIf(process.env['CI'] !== 'true' && !(Bun.which('versitygw') && Bun.which('setpriv')))(
  'it keeps its content in S3',
  async () => {
    const s3 = await startS3();
    const environment = { ...s3Environment, BONDED_STORAGE_S3_ENDPOINT: s3.endpoint };
    const settings = { 'storage.s3.bucket': await s3.bucket(), 'storage.s3.pathStyle': true };
    await using server = await start({ settings, data: `${data}/s3`, environment });
    const image = await pushImage(server.url, 'team/app', 'latest');
    const pulled = await fetch(`${server.url}/v2/team/app/blobs/${image.layerDigest}`);
    expect(await pulled.bytes()).toEqual(image.layer);
  },
);

given.skipIf(testDialect() !== 'postgres')('it keeps its facts in PostgreSQL', async () => {
  await using fresh = await freshDatabaseOptions();
  if (fresh.kind !== 'postgres') throw new Error('there is no PostgreSQL');
  await using server = await start({ database: fresh.url, data: `${data}/postgres` });
  const image = await pushImage(server.url, 'team/app', 'latest');
  const pulled = await fetch(`${server.url}/v2/team/app/manifests/latest`);
  expect(await pulled.text()).toBe(image.text);
});

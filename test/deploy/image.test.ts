import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Built, buildRoot } from '../binary/build.ts';
import { hasTool, run, toolPath } from '../clients/command.ts';
import { pull } from '../clients/pull.ts';
import { createSandbox, type Sandbox } from '../clients/sandbox.ts';
import { startTestProcess } from '../support/server.ts';

const file = join(import.meta.dir, '../../deploy/Containerfile');

// To own files as another user, a build needs root or subordinate ids.
const mayBuild = () =>
  hasTool('buildah') &&
  (process.getuid?.() === 0 ||
    Bun.spawnSync(['buildah', 'unshare', 'grep', '-q', '65536', '/proc/self/uid_map']).exitCode === 0);
const able = process.env['CI'] === 'true' || mayBuild();
if (!able) console.warn('skipped: buildah is not installed, or this user has no subordinate ids (/etc/subuid)');
const given = test.skipIf(!able);

let sandbox: Sandbox;
let root: Built;

beforeAll(async () => {
  if (!able) return;
  sandbox = await createSandbox();
  root = await buildRoot();
}, 120_000);
afterAll(async () => {
  await root?.[Symbol.asyncDispose]();
  await sandbox?.[Symbol.asyncDispose]();
});

const call = async (...command: string[]) => (await run(command, { environment: sandbox.environment })).stdout.trim();

/** Builds as the guide says; resolves with the image's id. */
const build = (...options: string[]) =>
  call('buildah', 'build', '--quiet', '--timestamp', '0', ...options, '--file', file, root.directory);

given('the image is the same whenever it is built', async () => {
  const first = await build('--no-cache');
  for (const entry of await readdir(root.directory, { recursive: true })) {
    await utimes(join(root.directory, entry), 1e9, 1e9);
  }
  expect(await build('--no-cache')).toBe(first);
});

given('Bonded serves its own image, and what was pulled runs', async () => {
  const id = await build();
  const program = join(root.directory, 'usr/bin/bonded');
  await using server = await startTestProcess({ program, database: '' });
  await sandbox.signIn(server.url);
  const name = `${server.host}/bonded/bonded:latest`;
  await call('buildah', 'push', '--quiet', '--tls-verify=false', id, `docker://${name}`);
  await pull(server.url, 'bonded/bonded', 'latest');
  await call('buildah', 'rmi', '--force', '--all');

  const container = await call('buildah', 'from', '--quiet', '--tls-verify=false', name);
  const inside = ['buildah', 'run', '--isolation', 'chroot', container, '--', '/usr/bin/bonded'];
  expect(await call(...inside, '--version')).toMatch(/^\d+\.\d+\.\d+$/);
  const config = JSON.parse(await call('buildah', 'inspect', container)) as {
    OCIv1: { config: { User: string; Entrypoint: string[]; Volumes: object; ExposedPorts: object; Env: string[] } };
  };
  expect(config.OCIv1.config).toMatchObject({
    User: '65532:65532',
    Entrypoint: ['/usr/bin/bonded'],
    Volumes: { '/var/lib/bonded': {} },
    ExposedPorts: { '5000/tcp': {} },
  });

  const running = Bun.spawn([...inside, 'serve', '--listen', '127.0.0.1:0'], {
    env: { ...sandbox.environment, PATH: toolPath },
    stdout: 'pipe',
    stderr: 'ignore',
  });
  let output = '';
  try {
    for await (const chunk of running.stdout) {
      output += new TextDecoder().decode(chunk);
      if (output.includes('serving on')) break;
    }
    const url = /http:\/\/[\d.:]+/.exec(output)?.[0];
    expect(await (await fetch(`${url}/readyz`)).text()).toBe('ok\n');
    expect(await call(...inside, 'ready', '--listen', url!.slice('http://'.length))).toBe('ok');
  } finally {
    running.kill('SIGTERM');
    await running.exited;
  }
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdir, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { pushBlob, pushImage, putManifest } from '../http/registry.ts';
import { startTestProcess } from '../support/server.ts';
import { type Built, buildProgram } from './build.ts';

let built: Built;
let directory: string;
let program: string;

beforeAll(async () => {
  built = await buildProgram();
  ({ directory, program } = built);
}, 120_000);
afterAll(() => built[Symbol.asyncDispose]());

test('the binary serves: push, pull, long headers, TLS certificates, a clean end', async () => {
  await using server = await startTestProcess({ program, database: '' });
  const image = await pushImage(server.url, 'team/app', 'latest');
  const pulled = await fetch(`${server.url}/v2/team/app/manifests/latest`);
  expect(await pulled.text()).toBe(image.text);
  const headers = { 'X-Long': 'x'.repeat(40_000) };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
  expect(await server.end()).toBe(0);
  expect(server.output()).toContain('"msg":"stopped"');
  const certificate = Bun.spawn([program, 'cert', 'dev', '--directory', join(directory, 'tls')], { stdout: 'ignore' });
  expect(await certificate.exited).toBe(0);
});

test('the binary starts itself again as workers', async () => {
  await using server = await startTestProcess({ program, database: '', settings: { processes: 2 } });
  await pushImage(server.url, 'team/app', 'latest');
  const headers = { 'X-Long': 'x'.repeat(40_000) };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
  expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('bonded_workers_active 2\n');
  expect(await server.end()).toBe(0);
});

test('the binary logs clients in, and is their helper and the plugin of the kubelet under other names', async () => {
  await using server = await startTestProcess({ program, database: '' });
  const home = join(directory, 'home');
  const programs = join(home, '.local/bin');
  await mkdir(programs, { recursive: true });
  const env = { HOME: home, PATH: `${programs}:${process.env['PATH'] ?? ''}` };
  const run = async (command: string[], input: string) => {
    const child = Bun.spawn(command, { env, cwd: home, stdin: Buffer.from(input), stdout: 'pipe', stderr: 'inherit' });
    const text = await new Response(child.stdout).text();
    return { code: await child.exited, text };
  };
  const loggedIn = await run([program, 'login', server.host, '--data', server.data], '');
  expect(loggedIn.text).toContain('no password is on the disk');
  const helper = join(programs, 'docker-credential-bonded');
  expect(await readlink(helper)).toBe(program);
  const asked = await run([helper, 'get'], server.host);
  const { Username: username, Secret: password } = JSON.parse(asked.text) as Record<string, string>;
  const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` };
  expect((await globalThis.fetch(`${server.url}/v2/_catalog`, { headers })).status).toBe(200);

  const plugin = join(programs, 'bonded-credential-provider');
  await symlink(program, plugin);
  const request = {
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderRequest',
    image: `${server.host}/team/app:v1`,
    // A login is exchanged for another one, as a token of a service account is.
    serviceAccountToken: password,
  };
  const provided = await run([plugin], JSON.stringify(request));
  expect(Object.keys((JSON.parse(provided.text) as { auth: object }).auth)).toEqual([server.host]);

  // What is loaded for people alone is in it, too.
  const provider = ['--method', 'device', '--issuer', server.url, '--client-id', 'none'];
  const child = Bun.spawn([program, 'login', server.host, ...provider], { env, stdout: 'pipe', stderr: 'pipe' });
  expect(await new Response(child.stderr).text()).toContain('knows no device codes');
});

test('its thread for checkpoints starts: the log does not grow without bound', async () => {
  await using server = await startTestProcess({ program, database: '' });
  const image = await pushImage(server.url, 'large', 'latest');
  const manifest = JSON.parse(image.text) as Record<string, unknown>;
  // Beyond the largest number of pages that checkpoint.ts may draw.
  for (let round = 0; round < 12; round++) {
    const annotations = { filling: `${round}`.padEnd(3_900_000, 'x') };
    expect(
      (await putManifest(server.url, 'large', `t${round}`, JSON.stringify({ ...manifest, annotations }))).status,
    ).toBe(201);
  }
  const size = () => Bun.file(join(server.data, 'bonded.db')).size;
  for (const until = Date.now() + 45_000; size() < 16_000_000 && Date.now() < until;) {
    await pushBlob(server.url, 'large', `${Math.random()}`);
    await Bun.sleep(50);
  }
  expect(size()).toBeGreaterThan(16_000_000);
  // Where the thread cannot be had, the event loop does its work: then it would stop for that long.
  const tasks = `/proc/${server.process.pid}/task`;
  const names = await Promise.all((await readdir(tasks)).map((task) => Bun.file(join(tasks, task, 'comm')).text()));
  expect(names.map((name) => name.trim())).toContain('Worker');
});

test('what lies where it is run is not for it', async () => {
  const away = join(directory, 'away');
  await mkdir(away);
  await writeFile(join(away, 'bunfig.toml'), 'preload = ["./other.ts"]');
  await writeFile(join(away, 'other.ts'), 'console.log("other code")');
  await writeFile(join(away, '.env'), 'BONDED_LOG_LEVEL=loud');
  const check = Bun.spawn([program, 'config', 'check'], { cwd: away, stdout: 'pipe', stderr: 'pipe' });
  expect(await new Response(check.stdout).text()).toBe('the configuration is valid\n');
  expect(await check.exited).toBe(0);
});

test('beside it are the licences of what is in it, and nothing else', async () => {
  expect((await readdir(directory)).filter((name) => name.startsWith('bonded')).toSorted()).toEqual([
    'bonded',
    'bonded.licenses',
  ]);
  const licences = await Bun.file(join(directory, 'bonded.licenses')).text();
  for (const name of ['Bun', 'kysely', 'pg', 'zod', '@peculiar/x509']) expect(licences).toContain(`\n${name}`);
  expect(licences).toContain('Permission is hereby granted');
  expect(licences).not.toContain(directory);
});

test('a failure in its log names files and lines of the source', async () => {
  await using server = await startTestProcess({ program, database: '' });
  await pushBlob(server.url, 'team/app', 'abc');
  await rm(join(server.data, 'uploads'), { recursive: true });
  await writeFile(join(server.data, 'uploads'), '');
  await expect(pushBlob(server.url, 'team/app', 'abcd')).rejects.toThrow('PUT answered 500');
  for (const until = Date.now() + 5000; !server.output().includes('ENOTDIR') && Date.now() < until; await Bun.sleep(5));
  const named = /at async (\w+) \((src\/[\w/-]+\.ts):(\d+):\d+\)/.exec(server.output());
  expect(named, server.output()).not.toBeNull();
  const [, name = '', file = '', line] = named!;
  const lines = (await Bun.file(join(import.meta.dir, '..', '..', file)).text()).split('\n');
  expect(lines[Number(line) - 1]).toContain(name);
});

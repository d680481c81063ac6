import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { managementOf, registry } from '../../test/support/management.ts';
import { startTestApp } from '../../test/support/server.ts';
import { bearer } from '../../test/support/people.ts';
import { runInside } from '../cli/manage/command-rig.double.ts';
import {
  type AdapterRequest,
  notReady,
  openAdapter,
  reportOf,
  reportType,
  vulnerability,
} from '../scanning/engines/adapter.double.ts';
import { openProgram } from '../scanning/engines/program.double.ts';
import { askScan, distInfo, layerOf, pushLayers, scanned } from './scan-rig.double.ts';

interface ShownEngine {
  name: string;
  state: string;
  error?: string;
  findings?: number;
  scanner?: string;
  version?: string;
  databaseTime?: string;
}

/** A program in the place of Trivy: it reads what was laid out for it, and finds one vulnerability. */
const trivy = `
if [ "$1" = version ]; then
  echo '{"Version":"0.74.0","VulnerabilityDB":{"Version":2,"UpdatedAt":"2026-01-02T03:04:05Z"}}'; exit 0
fi
while [ $# -gt 0 ]; do case "$1" in --input) input="$2"; shift;; --pkg-types) types="$2"; shift;; esac; shift; done
layout="\${input%@*}"; digest="\${input#*@sha256:}"
[ "$types" = os,library ] && grep -q imageLayoutVersion "$layout/oci-layout" && grep -q "$digest" "$layout/index.json" || exit 9
for layer in $(grep -o '"digest":"sha256:[0-9a-f]*' "$layout/blobs/sha256/$digest" | cut -d: -f3); do
  echo "$layer  $layout/blobs/sha256/$layer" | sha256sum --check --quiet >&2 || exit 8
done
echo '{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{"VulnerabilityID":"CVE-2026-7777","PkgName":"Django","InstalledVersion":"3.2.1","Severity":"LOW","Status":"affected"}]}]}'`;

const requests: AdapterRequest[] = [];
let hold: ((request: AdapterRequest) => Promise<void>) | undefined;
let adapter: ReturnType<typeof openAdapter>;
let program: Awaited<ReturnType<typeof openProgram>>;
let server: Awaited<ReturnType<typeof startTestApp>>;
let digest: string;
const { TMPDIR } = process.env;
let held: string;

const headersOf = ({ registry: { authorization } }: AdapterRequest) => ({ Authorization: authorization });
const engineOf = async (name: string, of = digest): Promise<ShownEngine | undefined> => {
  const scan = await scanned(server.url, 'team/app', of);
  return scan.engines?.find((engine) => engine.name === name);
};
const ended = async (name: string, of = digest): Promise<ShownEngine> => {
  for (const end = Date.now() + 60_000; Date.now() < end; await Bun.sleep(50)) {
    const engine = await engineOf(name, of);
    if (engine && (engine.state === 'Done' || engine.state === 'Failed')) return engine;
  }
  throw new Error(`the engine ${name} has not ended within 60 s`);
};

beforeAll(async () => {
  adapter = openAdapter({
    async report(request, asked, { path }) {
      requests.push(request);
      await hold?.(request);
      if (asked === 0) return notReady(path);
      const found = vulnerability({ id: 'CVE-2026-8888', package: 'django', version: '3.2.1', severity: 'Critical' });
      return Response.json(reportOf(request.artifact.digest, [found]), { headers: { 'content-type': reportType } });
    },
  });
  program = await openProgram(trivy);
  const temporary = join(program.directory, 'temporary');
  await mkdir(temporary);
  // Others use the usual one at the same time.
  process.env['TMPDIR'] = temporary;
  const { path, sha256, cache } = program.config;
  const engines = [
    { name: 'adapter', kind: 'harbor', url: adapter.url, registryUrl: 'http://registry.test:5000' },
    { name: 'trivy', kind: 'trivy', path, sha256, cache, network: true },
    { name: 'wrong', kind: 'grype', path, sha256: '0'.repeat(64), cache, network: true },
  ];
  const file = join(program.directory, 'bonded.json');
  await writeFile(file, JSON.stringify({ outbound: { allow: ['localhost'] }, scanning: { engines } }));
  server = await startTestApp({ file, settings: { 'scanning.parallel': 1 } });
  const management = managementOf(server.url);
  await management.patch(registry, { policies: { quarantinePolicy: { status: 'enabled' } } });
  const other = await pushLayers(server.url, 'team/app', 'other', [layerOf([distInfo('Flask', '1.0')])]);
  held = other;
  digest = await pushLayers(server.url, 'team/app', 'v1', [layerOf([distInfo('Django', '3.2.1')])]);
}, 120_000);
afterAll(async () => {
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  await server[Symbol.asyncDispose]();
  await adapter[Symbol.asyncDispose]();
  await program[Symbol.asyncDispose]();
});

test('engines are asked behind the own scan, and what they say is in its findings, by their names', async () => {
  expect(await ended('adapter')).toMatchObject({ state: 'Done', scanner: 'Double', version: '1.2.3', findings: 1 });
  expect(await ended('trivy')).toMatchObject({
    state: 'Done',
    scanner: 'Trivy',
    databaseTime: '2026-01-02T03:04:05.000Z',
  });
  const { findings } = await askScan<{ findings: object[] }>(server.url, 'team/app', digest, 'findings');
  const by = (id: string) => findings.find((one) => (one as { vulnerability: string }).vulnerability === id);
  const component = { name: 'django', layerIndex: 0 };
  expect(by('CVE-2026-8888')).toMatchObject({ engines: ['adapter'], severity: 'Critical', component });
  expect(by('CVE-2026-7777')).toMatchObject({ engines: ['trivy'], severity: 'Low', component });
  // What was laid out for it is gone.
  expect((await readdir(tmpdir())).filter((name) => name.startsWith('bonded-engine-'))).toEqual([]);
}, 120_000);

test('a program that is not the pinned one is not started, and holds up nothing', async () => {
  const scan = await scanned(server.url, 'team/app', digest);
  expect(scan).toMatchObject({ state: 'Done', status: 'complete' });
  for (const end = Date.now() + 60_000; Date.now() < end; await Bun.sleep(50)) {
    const engine = await engineOf('wrong');
    if (!engine?.error) continue;
    expect(engine.error).toBe('the program is not the one that is pinned: its SHA-256 is another');
    return;
  }
  throw new Error('it has not been tried within 60 s');
}, 120_000);

test('scan show says which engines have said what, and when', async () => {
  await ended('adapter');
  await ended('trivy');
  const environment = { HOME: program.directory, BONDED_DATA: server.data, BONDED_SERVER: server.host };
  const { out, error } = await runInside(['scan', 'show', `team/app@${digest}`], { environment, terminal: true });
  expect(error).toBe('');
  expect(out).toMatch(/^Engine adapter: 1 finding on \S+ \(Double 1\.2\.3, by data of 2026-01-02T03:04:05\.000Z\)$/m);
  expect(out).toMatch(/^Engine trivy: 1 finding on \S+ \(Trivy 0\.74\.0, by data of \S+\)$/m);
  expect(out).toMatch(/^Engine wrong: .*the last attempt failed: the program is not the one that is pinned/m);
}, 120_000);

test('an adapter is told where to pull, and its token reads that image, quarantined as it is, and nothing else', async () => {
  await ended('adapter');
  const request = requests.find(({ artifact }) => artifact.digest === digest)!;
  expect(request.registry.url).toBe('http://registry.test:5000');
  expect(request.artifact).toMatchObject({ repository: 'team/app', digest });
  const headers = headersOf(request);
  const { url } = server;
  const statusOf = async (path: string, init: RequestInit = {}) =>
    (await fetch(`${url}${path}`, { ...init, headers: { ...headers, ...init.headers } })).status;
  const answer = await fetch(`${url}/v2/team/app/manifests/${digest}`, { headers });
  expect(answer.status).toBe(200);
  const manifest = (await answer.json()) as { config: { digest: string }; layers: { digest: string }[] };
  const blobs = [manifest.config.digest, manifest.layers[0]!.digest];
  for (const blob of blobs) expect(await statusOf(`/v2/team/app/blobs/${blob}`)).toBe(200);
  expect(await statusOf('/v2/')).toBe(200);
  expect(await statusOf(`/v2/team/app/manifests/${digest}`, { method: 'HEAD' })).toBe(200);

  const other = (await (await fetch(`${url}/v2/team/app/manifests/${held}`)).json()) as typeof manifest;
  // It was used by nobody; the other one by its operator.
  await server.app.pulls.write();
  const pulled = await server.app.storage.db.all<{ reference: string }>('SELECT reference FROM pulls', []);
  expect(pulled).toEqual([{ reference: held }]);
  const forbidden: [string, RequestInit?][] = [
    [`/v2/team/app/manifests/${held}`],
    ['/v2/team/app/manifests/v1'],
    [`/v2/team/app/blobs/${other.layers[0]!.digest}`],
    ['/v2/team/app/tags/list'],
    [`/v2/team/app/referrers/${digest}`],
    ['/v2/_catalog'],
    [`/v2/team/app/manifests/${digest}`, { method: 'DELETE' }],
    [`/v2/team/app/manifests/v2`, { method: 'PUT', body: JSON.stringify(manifest) }],
    ['/v2/team/app/blobs/uploads/', { method: 'POST' }],
    [`/v2/team/other/blobs/uploads/?mount=${blobs[1]}&from=team/app`, { method: 'POST' }],
    [`/acr/v1/team/app/_manifests/${digest}`],
    [`${registry}?api-version=2025-11-01`],
  ];
  for (const [path, init] of forbidden) expect(`${path}: ${await statusOf(path, init)}`).toMatch(/: 40[13]$/);
}, 120_000);

test('what a token is exchanged for is held to the same image, and to the same end', async () => {
  await ended('adapter');
  const headers = headersOf(requests.find(({ artifact }) => artifact.digest === digest)!);
  const scope = 'scope=repository:team/app:pull,push,delete&scope=registry:catalog:*&scope=registry:management:*';
  const answer = await fetch(`${server.url}/oauth2/token?service=${server.host}&${scope}`, { headers });
  expect(answer.status).toBe(200);
  const { access_token: token } = (await answer.json()) as { access_token: string };
  const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString());
  const before = JSON.parse(Buffer.from(headers.Authorization.split('.')[1]!, 'base64url').toString());
  expect(claims.access).toMatchObject([{ type: 'repository', name: 'team/app', actions: ['pull'] }]);
  expect(claims.exp).toBeLessThanOrEqual(before.exp);
  expect(before.exp - before.iat).toBe(15 * 60 + 60);
  const get = (path: string) => fetch(`${server.url}${path}`, { headers: { Authorization: bearer(token) } });
  expect((await get(`/v2/team/app/manifests/${digest}`)).status).toBe(200);
  expect((await get(`/v2/team/app/manifests/${held}`)).status).toBe(403);
  const refresh = new URLSearchParams({ grant_type: 'access_token', service: server.host, access_token: token });
  expect((await fetch(`${server.url}/oauth2/exchange`, { method: 'POST', body: refresh, headers })).status).toBe(401);
}, 120_000);

test('an adapter that takes its time holds up no scan of the server itself', async () => {
  const release = Promise.withResolvers<void>();
  hold = () => release.promise;
  try {
    const slow = await pushLayers(server.url, 'team/app', 'slow', [layerOf([distInfo('Django', '4.0')])]);
    expect(await scanned(server.url, 'team/app', slow)).toMatchObject({ state: 'Done', status: 'complete' });
    expect((await engineOf('adapter', slow))!.state).toMatch(/^(?:Pending|Running)$/);
    const next = await pushLayers(server.url, 'team/app', 'next', [layerOf([distInfo('Django', '4.1')])]);
    expect(await scanned(server.url, 'team/app', next)).toMatchObject({ state: 'Done', status: 'complete' });
    release.resolve();
    expect(await ended('adapter', next)).toMatchObject({ state: 'Done' });
  } finally {
    hold = undefined;
    release.resolve();
  }
}, 120_000);

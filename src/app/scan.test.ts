import { expect, test } from 'bun:test';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freshDatabaseOptions } from '../../test/support/database.ts';
import { managementOf, registry as registryId } from '../../test/support/management.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { testdata } from '../../test/support/testdata.ts';
import { openCommands } from '../cli/manage/command-rig.double.ts';
import { fetch } from '../../test/http/fetch.ts';
import { randomBytes } from '../../test/http/registry.ts';
import { openAdmissionRig } from './admission-rig.double.ts';
import { askScan, distInfo, layerOf, pushLayers, scanned } from './scan-rig.double.ts';

const skopeo = Bun.which('skopeo');
const [go, python] = [testdata('osv/Go/all.zip'), testdata('osv/PyPI/all.zip')];

interface Findings {
  total: number;
  findings: {
    vulnerability: string;
    severity: string;
    records: string[];
    component: { name: string; version: string; path: string; layerIndex: number };
    fix: { state: string; version?: string };
    references: string[];
  }[];
}

const real = skopeo && go && python ? test : test.skip;

real(
  'an image with a vulnerable Go program and a vulnerable Python package is scanned when it is pushed',
  async () => {
    await using rig = await openCommands({ settings: { 'scanning.parallel': 1 } });
    const { url } = rig.server;
    await rig.ok('advisories', 'sync', '--from', python!, '--ecosystem', 'PyPI');
    await rig.ok('advisories', 'sync', '--from', go!, '--ecosystem', 'Go');
    const program = { name: 'usr/bin/skopeo', content: await readFile(skopeo!), mode: 0o755 };
    const layers = [layerOf([program]), layerOf([distInfo('Django', '3.2.1'), distInfo('harmless-of-ours', '1.0')])];
    const digest = await pushLayers(url, 'team/app', 'v1', layers);
    const scan = await scanned(url, 'team/app', digest);
    expect(scan).toMatchObject({ state: 'Done', status: 'complete' });
    const { findings, total } = await askScan<Findings>(url, 'team/app', digest, 'findings', { top: 1000 });
    expect(total).toBe(findings.length);
    const ofDjango = findings.filter(({ component }) => component.name === 'django');
    expect(ofDjango.length).toBeGreaterThan(10);
    expect(ofDjango).toContainEqual(
      expect.objectContaining({
        vulnerability: 'CVE-2022-28346',
        component: expect.objectContaining({ version: '3.2.1', layerIndex: 1 }),
        fix: { state: 'fixed', version: '3.2.13' },
      }),
    );
    const ofGo = findings.filter(({ component }) => component.name === 'stdlib');
    expect(ofGo.length).toBeGreaterThan(10);
    expect(ofGo[0]!.component).toMatchObject({ path: 'usr/bin/skopeo', layerIndex: 0 });
    const { sbom } = await askScan<{ sbom: string }>(url, 'team/app', digest, 'sbom');
    expect(JSON.parse(sbom).components.map(({ name }: { name: string }) => name)).toContain('django');
  },
  180_000,
);

/** Processes that read layers for this one. */
async function readersOf(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = await readFile(`/proc/${name}/stat`, 'latin1');
      const command = await readFile(`/proc/${name}/cmdline`, 'latin1');
      const isChild = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      if (isChild && command.split('\0').includes('inventory')) found.push(Number(name));
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Takes a while to read: bytes that cannot be packed. */
const large = () => layerOf([{ name: 'data', content: randomBytes(64 * 1024 * 1024) }, distInfo('Django', '3.2.1')]);

test('a process that reads a layer and is killed loses no push and no scan: it is read again', async () => {
  await using rig = await openCommands({ settings: { 'scanning.parallel': 1 } });
  const { url } = rig.server;
  const digest = await pushLayers(url, 'app', 'v1', [large()]);
  let readers: number[] = [];
  for (const end = Date.now() + 45_000; readers.length === 0 && Date.now() < end; await Bun.sleep(1))
    readers = await readersOf(process.pid);
  expect(readers.length).toBeGreaterThan(0);
  for (const pid of readers) process.kill(pid, 'SIGKILL');
  // Nobody else waits meanwhile.
  const other = await pushLayers(url, 'app', 'v2', [layerOf([distInfo('Django', '3.2.2')])]);
  expect(await scanned(url, 'app', other)).toMatchObject({ state: 'Done', components: 1 });
  expect((await fetch(`${url}/v2/app/manifests/v1`)).status).toBe(200);
  expect(
    await scanned(url, 'app', digest, ({ state, error }) => state === 'Done' || error !== undefined),
  ).toMatchObject({
    error: expect.stringContaining('SIGKILL'),
  });
  expect(await scanned(url, 'app', digest, ({ state }) => state === 'Done')).toMatchObject({
    status: 'complete',
    components: 1,
  });
}, 180_000);

test('a server that is killed in the middle of a scan does it after its next start', async () => {
  await using database = await freshDatabaseOptions();
  const data = await mkdtemp(join(tmpdir(), 'bonded-scan-test-'));
  try {
    const options = {
      data,
      settings: { 'scanning.parallel': 1 },
      ...(database.kind === 'postgres' && { database: database.url }),
    };
    let digest: string;
    {
      await using server = await startTestProcess(options);
      digest = await pushLayers(server.url, 'app', 'v1', [large()]);
      for (const end = Date.now() + 45_000; Date.now() < end; await Bun.sleep(1)) {
        if ((await readersOf(server.process.pid)).length > 0) break;
      }
      await server.end('SIGKILL');
    }
    await using server = await startTestProcess(options);
    expect((await fetch(`${server.url}/v2/app/manifests/v1`)).status).toBe(200);
    expect(await scanned(server.url, 'app', digest)).toMatchObject({
      state: 'Done',
      status: 'complete',
      components: 1,
    });
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}, 180_000);

test('a server that scans nothing takes pushes as ever, and the next one scans what it took', async () => {
  await using rig = await openCommands({ settings: { 'scanning.parallel': 0 } });
  const { url } = rig.server;
  const digest = await pushLayers(url, 'app', 'v1', [layerOf([distInfo('Django', '3.2.2')])]);
  expect(await scanned(url, 'app', digest, ({ state }) => state === 'Pending')).toMatchObject({ state: 'Pending' });
});

test('a repository that asks for it has the SBOM of each image as a referrer, once', async () => {
  await using rig = await openCommands({ settings: { 'scanning.parallel': 1 } });
  const { url } = rig.server;
  const management = managementOf(url);
  await management.put(`${registryId}/scanning/default`, { sbomRepositories: ['team/*', '!team/private'] });
  const layers = [layerOf([distInfo('Django', '3.2.1')])];
  const digest = await pushLayers(url, 'team/app', 'v1', layers);
  for (const other of ['team/private', 'other']) await pushLayers(url, other, 'v1', layers);
  const referrers = async (repository: string) => {
    const answer = await fetch(`${url}/v2/${repository}/referrers/${digest}`);
    return ((await answer.json()) as { manifests: { digest: string; artifactType: string }[] }).manifests;
  };
  let found: { digest: string; artifactType: string }[] = [];
  for (const end = Date.now() + 60_000; found.length === 0 && Date.now() < end; await Bun.sleep(50))
    found = await referrers('team/app');
  expect(found).toMatchObject([{ artifactType: 'application/vnd.cyclonedx+json' }]);
  const manifest = (await (await fetch(`${url}/v2/team/app/manifests/${found[0]!.digest}`)).json()) as {
    layers: { digest: string }[];
  };
  const sbom = await (await fetch(`${url}/v2/team/app/blobs/${manifest.layers[0]!.digest}`)).text();
  expect(sbom).toBe((await askScan<{ sbom: string }>(url, 'team/app', digest, 'sbom')).sbom);
  await rig.ok('scan', 'start', 'team/app:v1', '--wait');
  expect(await referrers('team/app')).toHaveLength(1);
  expect(await referrers('team/private')).toEqual([]);
  expect(await referrers('other')).toEqual([]);
}, 120_000);

test('a repository that takes no SBOM keeps no other from having it', async () => {
  await using rig = await openCommands({ settings: { 'scanning.parallel': 1 } });
  const { url } = rig.server;
  const layers = [layerOf([distInfo('Django', '3.2.1')])];
  const digest = await pushLayers(url, 'team/locked', 'v1', layers);
  await pushLayers(url, 'team/open', 'v1', layers);
  await scanned(url, 'team/open', digest);
  await rig.ok(
    'acr',
    'repository',
    'update',
    '-n',
    'default',
    '--repository',
    'team/locked',
    '--write-enabled',
    'false',
  );
  await managementOf(url).put(`${registryId}/scanning/default`, { sbomRepositories: ['team/*'] });
  await rig.ok('scan', 'start', 'team/open:v1', '--wait');
  const referrers = async (repository: string) => {
    const answer = await fetch(`${url}/v2/${repository}/referrers/${digest}`);
    return ((await answer.json()) as { manifests: unknown[] }).manifests.length;
  };
  expect([await referrers('team/locked'), await referrers('team/open')]).toEqual([0, 1]);
}, 120_000);

test('an image that somebody waits for is scanned before those that were pushed earlier', async () => {
  await using rig = await openAdmissionRig();
  const { db } = rig.app.storage;
  await rig.policy('prod', {
    repositories: ['prod/*'],
    mode: 'enforce',
    severity: 'High',
    unscanned: 'deny',
    waitSeconds: 3,
  });
  const first = await rig.push('prod/app', 'v1');
  const second = await rig.push('prod/app', 'v2');
  const pulled = rig.get('prod/app', 'v2');
  const priorityOf = async (digest: string) =>
    (await db.first<{ priority: number }>('SELECT priority FROM scans WHERE digest = ?', [digest]))?.priority ?? 0;
  await rig.until(async () => (await priorityOf(second.digest)) > (await priorityOf(first.digest)));
  expect((await pulled).status).toBe(403);
});

import { afterAll, describe, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { ociIndex, pushImage, putManifest } from '../../test/http/registry.ts';
import { makeIssuer, registry } from '../../test/support/management.ts';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { registerComponents } from '../advisories/index.ts';
import { startMirror, zipOf } from '../advisories/mirror.double.ts';
import { scanned } from '../app/scan-rig.double.ts';
import { checks } from '../app/advisor.ts';
import { groupScope } from '../operations/index.ts';
import { type AdviceRig, openAdviceRig } from './advice-rig.double.ts';

interface Mistake {
  check: string;
  impact: 'High' | 'Medium' | 'Low';
  category?: 'Performance';
  /** Of the server. */
  settings?: Record<string, string>;
  /** The text of the server's configuration. */
  file?: string;
  /** Something much like it that is no mistake. */
  fine?(rig: AdviceRig): Promise<unknown>;
  make(rig: AdviceRig): Promise<unknown>;
}

const reader = 'Container Registry Repository Reader';
const writer = 'Container Registry Repository Writer';
const condition =
  "(!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/write'})) OR " +
  "(@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'team/')";
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

async function identity({ manage }: AdviceRig, name = 'builder', status = 'enabled') {
  return { principalId: await manage.identity(name, status) };
}

async function githubClaims({ manage }: AdviceRig, claims: Record<string, string>) {
  const { issuer, properties } = await makeIssuer();
  await manage.trust('github', { ...properties, preset: 'github' });
  return { principalType: 'Claims', issuer, claims };
}

/** Shows a password, as a client would. */
async function logIn({ server }: AdviceRig, name: string, password: string) {
  const headers = { Authorization: `Basic ${btoa(`${name}:${password}`)}` };
  expect((await fetch(`${server.url}/v2/`, { headers })).status).toBe(200);
}

/** Pulls as clients with these addresses, and waits until that is written down. */
async function pullFrom({ server }: AdviceRig, ...addresses: string[]) {
  const text = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] });
  await putManifest(server.url, 'app', 'v1', text, ociIndex);
  for (const address of addresses) {
    const headers = { 'X-Forwarded-For': address };
    expect((await fetch(`${server.url}/v2/app/manifests/v1`, { headers })).status).toBe(200);
  }
  await server.app.pulls.write();
}

const pushTag = ({ server }: AdviceRig, name: string, tag: string) =>
  putManifest(
    server.url,
    name,
    tag,
    JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [] }),
    ociIndex,
  );

async function pullTags(rig: AdviceRig, name: string, ...tags: string[]) {
  for (const tag of tags) {
    await pushTag(rig, name, tag);
    expect((await fetch(`${rig.server.url}/v2/${name}/manifests/${tag}`)).status).toBe(200);
  }
  await rig.server.app.pulls.write();
}

const mirror = await startMirror();
mirror.put('/kev.json', JSON.stringify({ vulnerabilities: [{ cveID: 'CVE-2026-0001', dateAdded: '2026-01-01' }] }));
mirror.put('/osv/npm/all.zip', zipOf({ 'A-1.json': JSON.stringify(advisory('A-1', 'other', '1.0.0')) }));
afterAll(() => mirror[Symbol.asyncDispose]());
/** An exception that ends so long from now (ms). */
const exceptionFor = (manage: AdviceRig['manage'], name: string, ms: number) =>
  manage.put(`${registry}/admissionExceptions/${name}`, {
    vulnerability: 'CVE-2026-1',
    repositories: ['*'],
    expiresOn: new Date(Date.now() + ms).toISOString(),
  });

const mistakes: Mistake[] = [
  {
    check: 'stale-advisories',
    impact: 'Medium',
    settings: {
      'advisories.sources': 'kev',
      'advisories.kev': `${mirror.base}/kev.json`,
      'outbound.allow': mirror.host,
    },
    fine: (rig) => rig.bonded('bonded advisories sync'),
    make: ({ server }) => server.app.storage.db.write((tx) => tx.run('UPDATE advisory_feeds SET ok_at = 1', [])),
  },
  {
    check: 'unscanned-images-served',
    impact: 'Medium',
    settings: { 'scanning.parallel': '1' },
    async fine({ server: { app, url } }) {
      const { digest } = await pushImage(url, 'scanned/app', 'v1');
      await scanned(url, 'scanned/app', digest);
      expect((await fetch(`${url}/v2/scanned/app/manifests/${digest}`)).status).toBe(200);
      await app.pulls.write();
    },
    async make({ server: { app } }) {
      await app.storage.db.write((tx) => tx.run(`UPDATE scans SET state = 'failed', error = 'it crashed'`, []));
    },
  },
  {
    check: 'scans-given-up',
    impact: 'Low',
    settings: { 'scanning.parallel': '1' },
    async fine({ server: { url } }) {
      const { digest } = await pushImage(url, 'scanned/app', 'v1');
      await scanned(url, 'scanned/app', digest);
    },
    make: ({ server: { app } }) =>
      app.storage.db.write((tx) => tx.run(`UPDATE scans SET state = 'failed', error = 'it crashed'`, [])),
  },
  {
    check: 'engines-failing',
    impact: 'Low',
    settings: { 'scanning.parallel': '1' },
    // Nobody listens there, which is tried five times.
    file: 'scanning: {engines: [{name: them, kind: harbor, url: "https://localhost:1", registryUrl: "https://registry.example"}]}',
    async fine({ server: { url } }) {
      const { digest } = await pushImage(url, 'scanned/app', 'v1');
      await scanned(url, 'scanned/app', digest);
      await waitFor(async () => (await scanned(url, 'scanned/app', digest)).engines?.[0]?.error !== undefined);
    },
    make: ({ server: { app } }) => app.storage.db.write((tx) => tx.run(`UPDATE engine_scans SET state = 'failed'`, [])),
  },
  {
    check: 'ecosystems-without-advisories',
    impact: 'Medium',
    settings: {
      'advisories.sources': 'osv',
      'advisories.osv': `${mirror.base}/osv`,
      'outbound.allow': mirror.host,
    },
    make: ({ server: { app } }) =>
      registerComponents(app.storage.db, [{ ecosystem: 'npm', release: '', name: 'left-pad', version: '1.0.0' }]),
  },
  {
    check: 'admin-user-enabled',
    impact: 'High',
    make: ({ manage }) => manage.patch(registry, { adminUserEnabled: true }),
  },
  {
    check: 'anonymous-pull',
    impact: 'Medium',
    make: ({ manage }) => manage.patch(registry, { anonymousPullEnabled: true }),
  },
  {
    check: 'anonymous-pull-repositories',
    impact: 'Low',
    make: ({ manage }) => manage.patch(registry, { anonymousPullRepositories: ['samples/*', 'docs'] }),
  },
  {
    check: 'production-without-policy',
    impact: 'Medium',
    async fine({ manage, server }) {
      await pushImage(server.url, 'product/app', 'v1');
      await pushImage(server.url, 'prod/covered', 'v1');
      const properties = { repositories: ['prod/covered'], mode: 'audit' };
      await manage.put(`${registry}/admissionPolicies/covered`, properties);
    },
    make: ({ server }) => pushImage(server.url, 'shop/prod/app', 'v1'),
  },
  {
    check: 'exception-expiring',
    impact: 'High',
    fine: ({ manage }) => exceptionFor(manage, 'long', 2 * 86_400_000),
    async make({ manage, server: { app } }) {
      const { id } = await exceptionFor(manage, 'short', 3_600_000);
      const approvedAt = Date.now() - 86_400_000;
      await app.access.resources.patch(id, (one) => ({ ...one, own: { ...one.own, approvedAt } }), { by: 'test' });
      await app.access.refresh();
    },
  },
  {
    check: 'exception-expired',
    impact: 'Low',
    fine: ({ manage }) => exceptionFor(manage, 'long', 86_400_000),
    async make({ manage }) {
      await exceptionFor(manage, 'over', 3000);
      await Bun.sleep(3100);
    },
  },
  {
    check: 'storage-nearly-full',
    impact: 'Medium',
    async fine({ manage, server }) {
      await pushImage(server.url, 'app', 'v1');
      await manage.patch(registry, { storageQuota: { limitBytes: 2000 } });
    },
    make: ({ manage }) => manage.patch(registry, { storageQuota: { limitBytes: 1700 } }),
  },
  {
    check: 'storage-nearly-full',
    impact: 'High',
    async make({ manage, server }) {
      await pushImage(server.url, 'app', 'v1');
      await pushImage(server.url, 'team/app', 'v1');
      const repositories = [
        { repository: 'team/*', limitBytes: 1400 },
        { repository: '*', limitBytes: 1500 },
      ];
      await manage.patch(registry, { storageQuota: { repositories } });
    },
  },
  {
    check: 'password-in-use',
    impact: 'Medium',
    fine: ({ manage }) => manage.token('unused', ['repositories/a/content/read']),
    make: async (rig) =>
      logIn(rig, 'legacy', await rig.manage.token('legacy', ['repositories/a/content/read'], inAnHour())),
  },
  {
    check: 'password-in-use',
    impact: 'Medium',
    async make(rig) {
      await rig.manage.patch(registry, { adminUserEnabled: true });
      const made = (await rig.manage.post(`${registry}/listCredentials`, {})) as { passwords: { value: string }[] };
      await logIn(rig, 'default', made.passwords[0]!.value);
    },
  },
  {
    check: 'password-never-expires',
    impact: 'Medium',
    fine: ({ manage }) => manage.token('short', ['repositories/a/content/read'], inAnHour()),
    make: ({ manage }) => manage.token('legacy', ['repositories/a/content/read']),
  },
  {
    check: 'password-unused',
    impact: 'Low',
    async fine({ manage, age }) {
      await manage.token('legacy', ['repositories/a/content/read']);
      await age(80);
    },
    make: ({ age }) => age(11),
  },
  {
    check: 'open-push',
    impact: 'High',
    fine: async (rig) => rig.manage.assign(writer, { ...(await identity(rig)), condition }),
    make: async (rig) => rig.manage.assign(writer, await githubClaims(rig, { repository: '*' })),
  },
  {
    check: 'open-push',
    impact: 'High',
    make: async (rig) =>
      rig.manage.assign(writer, await githubClaims(rig, { repository: '*/app', ref: 'refs/heads/main' })),
  },
  {
    check: 'open-claims',
    impact: 'Medium',
    make: async (rig) => rig.manage.assign(reader, await githubClaims(rig, { sub: '*' })),
  },
  {
    check: 'workload-manages',
    impact: 'High',
    fine: async (rig) => rig.manage.assign('Owner', { ...(await identity(rig)), principalType: 'User' }),
    make: async (rig) => rig.manage.assign('Owner', await identity(rig, 'robot')),
  },
  {
    check: 'workload-manages',
    impact: 'Medium',
    make: async (rig) => rig.manage.assign('Contributor', await identity(rig)),
  },
  {
    check: 'workload-manages',
    impact: 'High',
    fine: async (rig) => rig.manage.assign('Reader', await identity(rig), groupScope),
    make: async (rig) => rig.manage.assign('Managed Identity Contributor', await identity(rig), groupScope),
  },
  {
    check: 'push-to-all-registries',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign(writer, await identity(rig)),
    make: async (rig) => rig.manage.assign(writer, await identity(rig), groupScope),
  },
  {
    check: 'push-without-condition',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign(writer, { ...(await identity(rig)), condition }),
    make: async (rig) => rig.manage.assign(writer, await identity(rig, 'robot')),
  },
  {
    check: 'push-without-condition',
    impact: 'Medium',
    fine: async (rig) => rig.manage.assign('AcrPush', await identity(rig)),
    make: ({ manage }) => manage.patch(registry, { roleAssignmentMode: 'LegacyRegistryPermissions' }),
  },
  {
    check: 'unused-right',
    impact: 'Low',
    async fine(rig) {
      await rig.manage.assign(reader, await identity(rig));
      await rig.age(80);
    },
    make: ({ age }) => age(11),
  },
  {
    check: 'right-of-nobody',
    impact: 'Low',
    fine: async (rig) => rig.manage.assign(reader, await identity(rig)),
    make: (rig) => identity(rig, 'builder', 'disabled'),
  },
  {
    check: 'right-of-nobody',
    impact: 'Low',
    fine: async (rig) => rig.manage.assign(reader, await identity(rig)),
    make: ({ bonded }) => bonded('identity delete --name builder --yes'),
  },
  {
    check: 'open-federated-credential',
    impact: 'High',
    async fine(rig) {
      const { issuer } = await githubClaims(rig, {});
      await identity(rig);
      const subject = 'repo:acme/app:ref:refs/heads/main';
      await rig.manage.credential('builder', 'main', { issuer, subject });
    },
    make: ({ manage }) => manage.credential('builder', 'open', { issuer: 'https://issuer.test', subject: 'repo:*' }),
  },
  {
    check: 'throttled-identity',
    impact: 'Medium',
    category: 'Performance',
    async fine({ bonded, server }) {
      const rates = 'rates.dataplaneRead.identity=3 rates.dataplaneRead.registry=1000';
      await bonded(`bonded tier create --name Slow --set ${rates}`);
      await bonded('bonded acr update --name default --sku Slow');
      expect((await fetch(`${server.url}/v2/app/tags/list`)).status).toBe(404);
    },
    async make({ server }) {
      let last = 0;
      for (let n = 0; n < 10 && last !== 429; n++) last = (await fetch(`${server.url}/v2/app/tags/list`)).status;
      expect(last).toBe(429);
    },
  },
  {
    check: 'public-network-open',
    impact: 'Medium',
    settings: { publicUrl: 'https://registry.example.com' },
    fine: ({ manage }) =>
      manage.patch(registry, { networkRuleSet: { defaultAction: 'Deny', ipRules: [{ value: '127.0.0.0/8' }] } }),
    make: ({ manage }) => manage.patch(registry, { networkRuleSet: { defaultAction: 'Allow' } }),
  },
  {
    check: 'private-endpoint-without-listener',
    impact: 'Low',
    fine: ({ manage }) => manage.put(`${registry}/privateEndpointConnections/link`, { linkId: 'vpce-1' }),
    make: ({ manage }) => manage.put(`${registry}/privateEndpointConnections/gone`, { listener: '10.0.0.1:5443' }),
  },
  {
    check: 'clients-in-several-regions',
    impact: 'Low',
    file: `
trustedProxies: [127.0.0.1]
network:
  regions:
    - { name: west, ranges: [192.0.2.0/24] }
    - { name: east, ranges: ['2001:db8::/32'] }
`,
    async fine(rig) {
      await rig.bonded('acr update --name default --sku Basic');
      await pullFrom(rig, '192.0.2.7', '192.0.2.8', '198.51.100.1');
    },
    make: (rig) => pullFrom(rig, '2001:db8::1'),
  },
  {
    check: 'unlocked-release',
    impact: 'Low',
    async fine(rig) {
      await pullTags(rig, 'team/app', 'latest', '1.0', '1.0.0-rc1');
      await pushTag(rig, 'team/app', '1.0.0');
    },
    make: (rig) => pullTags(rig, 'team/app', '1.0.0', '1.0.1'),
  },
];

/** Of these nothing can be said while a server runs; settings.test.ts has them. */
const ofSettings = ['bootstrap-owner', 'link-header-without-proxy', 'public-listener-without-tls', 'unsealed-keys'];

describe('bonded advise', () => {
  test('has a mistake for each of its checks', () => {
    const ids = Object.values(checks).flatMap((list) => list.map(({ id }) => id));
    expect(new Set([...mistakes.map(({ check }) => check), ...ofSettings])).toEqual(new Set(ids));
  });

  for (const [at, { check, impact, category = 'Security', settings = {}, file, fine, make }] of mistakes.entries()) {
    test(`${check} is found, and its command ends it (${at + 1})`, async () => {
      await using rig = await openAdviceRig({ settings, file });
      await fine?.(rig);
      await rig.bonded('advise');
      expect(await rig.advice(check)).toEqual([]);
      await make(rig);
      // Another process than the one that wrote: the mirror follows within a second.
      await waitFor(async () => (await rig.advice(check)).length > 0);
      for (const found of await rig.advice(check)) expect(found).toMatchObject({ category, impact });
      await rig.fix(check);
      expect(await rig.advice(check)).toEqual([]);
    });
  }
});

async function waitFor(holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + 45_000; Date.now() < until; await Bun.sleep(50)) if (await holds()) return;
  throw new Error('it does not come about');
}

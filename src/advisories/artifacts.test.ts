import { createHash } from 'node:crypto';
import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { createOutbound } from '../outbound/index.ts';
import { advisory, component, contextOf, itemsOf, openAdvisories } from './advisory-rig.double.ts';
import type { Artifact, ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType, layerKeys } from './bundle.ts';
import { advisoriesConfig } from './config.ts';
import { findFeed } from './feed-rows.ts';
import type { RefreshContext } from './feeds/feeds.ts';
import { boltOf, type BoltTree } from './formats/bolt.double.ts';
import { sourceOf } from './formats/byte-source.ts';
import { importFeed } from './import-feed.ts';
import { importFile } from './import-file.ts';
import { zipOf } from './mirror.double.ts';
import type { OsvRecord } from './osv.ts';
import { presentAdvisories } from './present.ts';
import { refreshFeeds } from './refresh.ts';
import { registerComponents } from './register.ts';
import { removeFeed } from './remove-feed.ts';
import { advisoriesStatus } from './status.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

/*
 * A server that follows an artifact, while what it has is changed by other hands.
 */

const hour = 3_600_000;
const begin = Date.UTC(2026, 0, 1);

function layerOf(bytes: Uint8Array, more: Partial<ArtifactLayer>): ArtifactLayer {
  return {
    mediaType: 'application/octet-stream',
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
    annotations: {},
    async *read() {
      yield bytes;
    },
    ...more,
  };
}

/** A layer of a bundle: what one feed had at a time. `cut`: without its end. */
function bundled(feed: string, records: readonly OsvRecord[], at: number, { cut = false } = {}): ArtifactLayer {
  const lines = [{ feed, origin: 'https://example.com' }, ...records, ...(cut ? [] : [{ records: records.length }])];
  const bytes = Bun.zstdCompressSync(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
  const annotations = { [layerKeys.feed]: feed, [layerKeys.at]: new Date(at).toISOString() };
  return layerOf(bytes, { mediaType: bundleLayerType, annotations });
}

async function follow(source: 'bundle' | 'trivy-db') {
  const db = await openAdvisories();
  const ids = await registerComponents(db, [
    component('x', '1.0.0'),
    component('x', '1.0.0', 'PyPI'),
    component('zlib', '1', 'Debian', '12'),
  ]);
  let layers: ArtifactLayer[] = [];
  let now = begin;
  const openArtifact = async (): Promise<Artifact> => ({
    digest: `sha256:${createHash('sha256').update(JSON.stringify(layers)).digest('hex')}`,
    name: 'registry.example.com/advisories:latest',
    artifactType: bundleArtifactType,
    layers,
  });
  const context: RefreshContext = {
    ...contextOf(db, { now: () => now }),
    fetcher: { outbound: createOutbound({ allow: [] }), signal: new AbortController().signal, sleep: async () => {} },
    openArtifact,
  };
  const config = advisoriesConfig.parse({ sources: [source], bundle: 'registry.example.com/advisories:latest' });
  const known = async () => {
    const found = await vulnerabilitiesOf(db, ids);
    return ids.map((id) => found.get(id)!.map((one) => one.id));
  };
  return {
    db,
    context,
    known,
    offer: (...offered: ArtifactLayer[]) => void (layers = offered),
    pass: (ms: number) => void (now += ms),
    refresh: (force = false) => refreshFeeds({ ...context, force }, config, { all: true }),
    [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
  };
}

const npm = (id: string, fixed = '2.0.0') => advisory(id, 'x', fixed);
const pypi = (id: string, fixed = '2.0.0') => advisory(id, 'x', fixed, { ecosystem: 'PyPI' });

test('what was taken away or brought anew by hand comes from the bundle again, though that is the one of before', async () => {
  await using rig = await follow('bundle');
  rig.offer(bundled('osv/npm', [npm('A-1')], begin), bundled('osv/PyPI', [pypi('P-1')], begin));
  await rig.refresh();
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ unchanged: true }] });
  await removeFeed(rig.context, 'osv/npm');
  expect(await rig.known()).toEqual([[], ['P-1'], []]);
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ added: 1, records: 1 }] });
  expect(await rig.known()).toEqual([['A-1'], ['P-1'], []]);

  const items = () => itemsOf([pypi('P-0')]);
  await importFeed(rig.context, { id: 'osv/PyPI', origin: 'a file', ecosystem: 'PyPI', items, at: begin - hour });
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ added: 1, removed: 1, records: 1 }] });
  expect(await rig.known()).toEqual([['A-1'], ['P-1'], []]);
});

test('a bundle that is older than what is known takes nothing back, and says so; it is forced', async () => {
  await using rig = await follow('bundle');
  const older = bundled('osv/npm', [npm('A-1')], begin - hour);
  rig.offer(bundled('osv/npm', [npm('A-1'), npm('A-2')], begin));
  await rig.refresh();
  rig.offer(older, bundled('osv/PyPI', [pypi('P-1')], begin - hour));
  expect(await rig.refresh()).toMatchObject({
    failed: [],
    feeds: [{ added: 1, removed: 0, reasons: [expect.stringContaining('osv/npm was left as it is')] }],
  });
  expect(await rig.known()).toEqual([['A-1', 'A-2'], ['P-1'], []]);
  expect((await findFeed(rig.db, 'osv/npm'))!.okAt).toBe(begin);
  expect((await findFeed(rig.db, 'bundle'))!.error).toContain('osv/npm was left as it is');
  expect(await rig.refresh(true)).toMatchObject({ feeds: [{ removed: 1 }] });
  expect(await rig.known()).toEqual([['A-1'], ['P-1'], []]);
});

test('a bundle of which the import fails in the middle, and which is withdrawn, leaves what the one before had', async () => {
  await using rig = await follow('bundle');
  const good = [bundled('osv/npm', [npm('A-1')], begin), bundled('osv/PyPI', [pypi('P-1')], begin)];
  rig.offer(...good);
  await rig.refresh();
  rig.pass(2 * hour);
  rig.offer(
    bundled('osv/npm', [npm('A-1', '0.5.0')], begin + hour),
    bundled('osv/PyPI', [pypi('P-1', '0.5.0')], begin + hour, { cut: true }),
  );
  expect((await rig.refresh()).failed).toMatchObject([{ error: 'osv/PyPI: the layer of osv/PyPI is cut off' }]);
  expect(await rig.known()).toEqual([[], ['P-1'], []]);
  // It says that it is older, which the wrong one did not.
  rig.offer(...good);
  expect((await rig.refresh()).feeds[0]!.reasons).toHaveLength(1);
  await rig.refresh(true);
  expect(await rig.known()).toEqual([['A-1'], ['P-1'], []]);
});

test('a file that says nothing of its feed or its time is read once, and is not up to date for ever', async () => {
  await using rig = await follow('bundle');
  rig.offer(layerOf(zipOf({ 'A-1.json': JSON.stringify(npm('A-1')) }), {}));
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ added: 1 }] });
  rig.pass(hour);
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ unchanged: true }] });
  expect(await findFeed(rig.db, 'osv/npm')).toMatchObject({ okAt: begin, run: 1 });
  await removeFeed(rig.context, 'osv/npm');
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ added: 1 }] });
});

test.each([
  ['kev', Buffer.from('{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-0001"}]}')],
  ['epss', gzipSync('#model_version:v4\ncve,epss,percentile\nCVE-2026-0001,0.1,0.5\n')],
  ['debian-tracker', Buffer.from('{"zlib":{"CVE-2026-0001":{"releases":{"bookworm":{"status":"open"}}}}}')],
  [
    'alpine-secdb/v3.19/main',
    Buffer.from(
      '{"distroversion":"v3.19","reponame":"main","urlprefix":"","packages":[{"pkg":{"name":"zlib","secfixes":{"2":["CVE-2026-0001"]}}}]}',
    ),
  ],
])('the same holds for a file of %s', async (feed, bytes) => {
  await using rig = await follow('bundle');
  rig.offer(layerOf(bytes, {}));
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ records: 1 }] });
  rig.pass(hour);
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ unchanged: true }] });
  expect(await findFeed(rig.db, feed)).toMatchObject({ okAt: begin, run: 1 });
});

test('a layer does not take the name of what says how it went with artifacts', async () => {
  await using rig = await follow('bundle');
  rig.offer(bundled('bundle', [npm('A-1')], begin));
  expect((await rig.refresh()).failed).toMatchObject([{ error: expect.stringContaining('none of a bundle') }]);
});

test('a trivy-db that is the one of before is read again where another was brought, or a part was taken away', async () => {
  await using rig = await follow('trivy-db');
  const zlib = (fixed: string): BoltTree => ({
    'debian 12': { zlib: { 'CVE-2026-0001': JSON.stringify({ FixedVersion: fixed }) } },
    vulnerability: {},
  });
  rig.offer(layerOf(gzipSync(tarOf('trivy.db', boltOf(zlib('2')))), {}));
  await rig.refresh();
  expect(await rig.refresh()).toMatchObject({ feeds: [{ unchanged: true }] });
  expect(await removeFeed(rig.context, 'trivy-db/debian 12')).toBe(true);
  expect((await rig.known())[2]).toEqual([]);
  await rig.refresh();
  expect((await rig.known())[2]).toEqual(['CVE-2026-0001']);
  await importFile(rig.context, sourceOf(boltOf(zlib('0.5'))), { origin: 'a file', wants: () => true });
  expect((await rig.known())[2]).toEqual([]);
  await rig.refresh();
  expect((await rig.known())[2]).toEqual(['CVE-2026-0001']);
  // With all its parts.
  expect(await removeFeed(rig.context, 'trivy-db')).toBe(true);
  expect((await rig.known())[2]).toEqual([]);
  expect(await removeFeed(rig.context, 'trivy-db')).toBe(false);
});

test('when something new came says the source that it came of, not the artifact', async () => {
  await using rig = await follow('bundle');
  for (const records of [[npm('A-1')], [npm('A-1'), npm('A-2')]]) {
    rig.pass(hour);
    rig.offer(bundled('osv/npm', records, begin + records.length * hour));
    await rig.refresh();
  }
  const status = await advisoriesStatus(rig.db);
  const shown = presentAdvisories(status, { ecosystems: [], maxAge: hour, refresh: true, now: begin + 2 * hour });
  const lastChange = new Date(begin + 2 * hour).toISOString();
  expect(shown.feeds.map((feed) => [feed.name, feed.lastChange])).toEqual([
    ['bundle', undefined],
    ['osv/npm', lastChange],
  ]);
});

test('one layer that is refused keeps no other from coming, and is told of by its name', async () => {
  await using rig = await follow('bundle');
  const many = Array.from({ length: 200 }, (_, at) => npm(`A-${at}`));
  rig.offer(bundled('osv/npm', many, begin), bundled('osv/PyPI', [pypi('P-1')], begin));
  await rig.refresh();
  for (const hours of [1, 2]) {
    rig.pass(hour);
    rig.offer(
      bundled('osv/npm', many.slice(0, 10), begin + hours * hour),
      bundled('osv/PyPI', [pypi('P-1'), pypi(`P-${hours + 1}`)], begin + hours * hour),
    );
    expect((await rig.refresh()).failed).toMatchObject([
      { feed: 'bundle', error: expect.stringContaining('osv/npm: it holds 10 of the 200') },
    ]);
    expect((await rig.known())[1]).toEqual(['P-1', `P-${hours + 1}`]);
    expect(await findFeed(rig.db, 'osv/PyPI')).toMatchObject({ okAt: begin + hours * hour, error: undefined });
  }
});

test('one part of a trivy-db that is refused keeps no other from coming', async () => {
  await using rig = await follow('trivy-db');
  const offer = (x: BoltTree, fixed: string) => {
    const zlib = { 'CVE-2026-0001': JSON.stringify({ FixedVersion: fixed }) };
    const tree = { 'debian 12': { x }, 'debian 13': { zlib }, 'pip::': { x: { 'P-1': '{}' } }, vulnerability: {} };
    rig.offer(layerOf(gzipSync(tarOf('trivy.db', boltOf(tree))), {}));
  };
  const many = Array.from({ length: 200 }, (_, at) => [`CVE-2026-${1000 + at}`, '{}'] as const);
  offer(Object.fromEntries(many), '2');
  expect((await rig.refresh()).failed).toEqual([]);
  rig.pass(hour);
  offer(Object.fromEntries(many.slice(0, 10)), '3');
  expect((await rig.refresh()).failed).toMatchObject([
    { error: expect.stringContaining('trivy-db/debian 12: it holds 10 of the 200') },
  ]);
  expect(await findFeed(rig.db, 'trivy-db/debian 13')).toMatchObject({ okAt: begin + hour, changedAt: begin + hour });
});

test('a trivy-db that was read by the version before is read again, so that its parts are up to date', async () => {
  await using rig = await follow('trivy-db');
  const database = { 'debian 12': { zlib: { 'CVE-2026-0001': '{}' } }, vulnerability: {} };
  rig.offer(layerOf(gzipSync(tarOf('trivy.db', boltOf(database))), {}));
  await rig.refresh();
  // It did not write down of which layer they are.
  await rig.db.change(`UPDATE advisory_feeds SET etag = '' WHERE id LIKE 'trivy-db/%' RETURNING id`, []);
  rig.pass(24 * hour);
  await rig.refresh();
  expect(await findFeed(rig.db, 'trivy-db/debian 12')).toMatchObject({ okAt: begin + 24 * hour });
  expect(await rig.refresh()).toMatchObject({ feeds: [{ unchanged: true }] });
});

function tarOf(name: string, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  return Buffer.concat([head, content, Buffer.alloc(((512 - (content.length % 512)) % 512) + 1024)]);
}

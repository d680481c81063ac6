import { createHash } from 'node:crypto';
import { expect, test } from 'bun:test';
import { advisory, contextOf, importAll, openAdvisories, refreshContextOf } from './advisory-rig.double.ts';
import type { ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType, layerKeys } from './bundle.ts';
import { advisoryChecks } from './checks.ts';
import { advisoriesConfig } from './config.ts';
import { findFeed } from './feed-rows.ts';
import { importArtifact } from './import-artifact.ts';
import { startMirror } from './mirror.double.ts';
import { isStale } from './present.ts';
import { refreshFeeds } from './refresh.ts';

const year = 365 * 86_400_000;

test('what a clock that was a year ahead wrote is called stale, and fetched again once the clock is right', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv('npm', [advisory('A-1', 'left-pad', '1.1.0')]);
  const right = Date.UTC(2026, 5, 1);
  let now = right + year;
  const config = advisoriesConfig.parse({ osv: `${mirror.base}/osv`, sources: ['osv'], ecosystems: ['npm'] });
  const context = refreshContextOf(db, mirror, { now: () => now });
  await refreshFeeds(context, config, { all: false });
  now = right;
  const feed = (await findFeed(db, 'osv/npm'))!;
  expect(isStale(feed, config.maxAge, now)).toBe(true);
  const facts = { feeds: [feed], maxAge: config.maxAge, refresh: true, now, serverId: '/' };
  expect(advisoryChecks[0]!.look(facts)).toMatchObject([{ problem: expect.stringContaining('at a time to come') }]);
  mirror.asked();
  await refreshFeeds(context, config, { all: false });
  expect(mirror.asked()).toContain('/osv/npm/all.zip');
  expect(await findFeed(db, 'osv/npm')).toMatchObject({ okAt: now, changedAt: now, dueAt: now + config.interval });
});

test('what a wrong clock has called up to date at a time to come keeps no bundle out', async () => {
  await using db = await openAdvisories();
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0')], { okAt: Date.UTC(2036, 0, 1) });
  const now = Date.UTC(2026, 5, 1);
  const lines = [
    { feed: 'osv/npm', origin: 'https://example.com' },
    advisory('A-1', 'left-pad', '1.1.0'),
    advisory('A-2', 'left-pad', '1.2.0'),
    { records: 2 },
  ];
  const bytes = Bun.zstdCompressSync(Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join('')));
  const at = now - 3_600_000;
  const layer: ArtifactLayer = {
    mediaType: bundleLayerType,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
    annotations: { [layerKeys.feed]: 'osv/npm', [layerKeys.at]: new Date(at).toISOString() },
    async *read() {
      yield bytes;
    },
  };
  const artifact = { digest: layer.digest, name: 'a bundle', artifactType: bundleArtifactType, layers: [layer] };
  const context = contextOf(db, { now: () => now });
  expect(await importArtifact(context, artifact, { wants: () => true })).toMatchObject([{ added: 1 }]);
  expect(await findFeed(db, 'osv/npm')).toMatchObject({ okAt: at, records: 2 });
});

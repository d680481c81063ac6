import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import type { TestDatabase } from '../../test/support/database.ts';
import { advisory, component, contextOf, openAdvisories, refreshContextOf } from './advisory-rig.double.ts';
import { changedComponents } from './changed-components.ts';
import { type AdvisoriesConfig, advisoriesConfig } from './config.ts';
import { listFeeds } from './feed-rows.ts';
import { startMirror } from './mirror.double.ts';
import { refreshFeeds } from './refresh.ts';
import { removeFeed } from './remove-feed.ts';
import { registerComponents } from './register.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

type Mirror = Awaited<ReturnType<typeof startMirror>>;

const settings = (mirror: Mirror, more: object = {}): AdvisoriesConfig =>
  advisoriesConfig.parse({
    osv: `${mirror.base}/osv`,
    kev: `${mirror.base}/kev.json`,
    epss: `${mirror.base}/epss.csv.gz`,
    debianTracker: `${mirror.base}/debian.json`,
    alpineSecdb: `${mirror.base}/alpine`,
    sources: ['osv'],
    ...more,
  });

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const names = async (db: TestDatabase, id: number) => (await vulnerabilitiesOf(db, [id])).get(id)!.map((one) => one.id);

test('an ecosystem is fetched once an image has a package of it, whole, and then what has changed', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv('npm', [
    advisory('A-1', 'left-pad', '1.1.0', { modified: at(-60) }),
    advisory('A-2', 'left-pad', '1.1.0', { modified: at(1) }),
  ]);
  mirror.osv('PyPI', [advisory('P-1', 'left-pad', '1.1.0', { ecosystem: 'PyPI' })]);
  const [context, config] = [refreshContextOf(db, mirror), settings(mirror)];
  expect(await refreshFeeds(context, config, { all: true })).toEqual({ feeds: [], failed: [], more: false });
  expect(mirror.asked()).toEqual([]);

  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  const first = await refreshFeeds(context, config, { all: false });
  expect(first.feeds).toMatchObject([{ feed: 'osv/npm', records: 2, added: 2 }]);
  expect(mirror.asked()).toEqual(['/osv/npm/modified_id.csv', '/osv/npm/all.zip']);
  expect(await names(db, id!)).toEqual(['A-1', 'A-2']);

  // Not due yet; then due, and nothing has changed.
  expect((await refreshFeeds(context, config, { all: false })).feeds).toEqual([]);
  expect((await refreshFeeds(context, config, { all: true })).feeds).toMatchObject([{ unchanged: true, records: 0 }]);
  expect(mirror.asked()).toEqual(['/osv/npm/modified_id.csv']);

  const { revision } = await changedComponents(db, 0, 10);
  mirror.osv('npm', [
    advisory('A-1', 'left-pad', '1.1.0', { modified: at(-60) }),
    advisory('A-2', 'left-pad', '1.1.0', { modified: at(31), withdrawn: at(31) }),
    advisory('A-3', 'left-pad', '1.2.0', { modified: at(30) }),
  ]);
  const second = await refreshFeeds(context, config, { all: true });
  expect(second.feeds).toMatchObject([{ records: 2, added: 1, removed: 1 }]);
  expect(mirror.asked().toSorted()).toEqual(['/osv/npm/A-2.json', '/osv/npm/A-3.json', '/osv/npm/modified_id.csv']);
  expect(await names(db, id!)).toEqual(['A-1', 'A-3']);
  expect((await changedComponents(db, revision, 10)).componentIds).toEqual([id!]);
});

test('what has gone from the bucket is gone with the whole export, which comes each week', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  const keep = advisory('A-1', 'left-pad', '1.1.0', { modified: at(0) });
  mirror.osv('npm', [keep, advisory('A-2', 'left-pad', '1.1.0', { modified: at(0) })]);
  let now = Date.UTC(2026, 0, 2);
  const context = refreshContextOf(db, mirror, { now: () => now });
  await refreshFeeds(context, settings(mirror), { all: true });
  mirror.osv('npm', [keep]);
  now += 86_400_000;
  await refreshFeeds(context, settings(mirror), { all: true });
  expect(await names(db, id!)).toEqual(['A-1', 'A-2']);
  now += 7 * 86_400_000;
  expect((await refreshFeeds(context, settings(mirror), { all: true })).feeds).toMatchObject([{ removed: 1 }]);
  expect(await names(db, id!)).toEqual(['A-1']);
});

test('a whole export that has not changed is not fetched again', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv('npm', [advisory('A-1', 'left-pad', '1.1.0')]);
  mirror.remove('/osv/npm/modified_id.csv');
  const config = settings(mirror, { ecosystems: ['npm'] });
  await refreshFeeds(refreshContextOf(db, mirror), config, { all: true });
  expect((await refreshFeeds(refreshContextOf(db, mirror), config, { all: true })).feeds).toMatchObject([
    { unchanged: true },
  ]);
  const forced = await refreshFeeds(refreshContextOf(db, mirror, { force: true }), config, { all: true });
  expect(forced.feeds).toMatchObject([{ records: 1, added: 0 }]);
});

test('trouble that passes is waited out: errors of the server, bodies that break off', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv(
    'npm',
    Array.from({ length: 50 }, (_, n) =>
      advisory(`A-${n}`, 'left-pad', '1.1.0', { details: `${Math.random()}`.repeat(50) }),
    ),
  );
  mirror.trouble('/osv/npm/modified_id.csv', 'fails', 2);
  mirror.trouble('/osv/npm/all.zip', 'breaks off', 2);
  const done = await refreshFeeds(refreshContextOf(db, mirror), settings(mirror, { ecosystems: ['npm'] }), {
    all: true,
  });
  expect(done).toMatchObject({ feeds: [{ added: 50 }], failed: [] });
});

test('a source that fails takes nothing away, says why, and is left alone for longer and longer; others come', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  mirror.osv('npm', [advisory('A-1', 'left-pad', '1.1.0', { modified: at(0) })]);
  mirror.osv('PyPI', [advisory('P-1', 'x', '1.1.0', { ecosystem: 'PyPI' })]);
  let now = Date.UTC(2026, 0, 2);
  const context = refreshContextOf(db, mirror, { now: () => now });
  const config = settings(mirror, { ecosystems: ['PyPI'] });
  await refreshFeeds(context, config, { all: true });
  now += 86_400_000;
  mirror.trouble('/osv/npm/modified_id.csv', 'fails', 1000);
  for (const pause of [60_000, 120_000, 240_000]) {
    const done = await refreshFeeds(context, config, { all: false });
    expect(done.failed).toMatchObject([
      { feed: 'osv/npm', error: '127.0.0.1:' + new URL(mirror.base).port + ' answered with 500' },
    ]);
    const feed = (await listFeeds(db)).find((one) => one.id === 'osv/npm')!;
    expect(feed).toMatchObject({
      dueAt: now + pause,
      error: expect.stringContaining('500'),
      okAt: Date.UTC(2026, 0, 2),
    });
    now += pause;
  }
  expect(await names(db, id!)).toEqual(['A-1']);
  mirror.trouble('/osv/npm/modified_id.csv', 'fails', 0);
  await refreshFeeds(context, config, { all: false });
  expect((await listFeeds(db)).find((one) => one.id === 'osv/npm')).toMatchObject({
    error: undefined,
    failures: 0,
    okAt: now,
  });
});

test('an answer that leads into this network is not followed', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv('npm', [advisory('A-1', 'left-pad', '1.1.0')]);
  mirror.trouble('/osv/npm/all.zip', 'leads inside', 1000);
  const { failed } = await refreshFeeds(refreshContextOf(db, mirror), settings(mirror, { ecosystems: ['npm'] }), {
    all: true,
  });
  expect(failed).toHaveLength(1);
  expect(failed[0]!.error).toContain('169.254.169.254');
});

test('an export beyond what may be downloaded is given up', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  mirror.osv('npm', [advisory('A-1', 'left-pad', '1.1.0')]);
  const context = refreshContextOf(db, mirror, { maxBytes: 100 });
  const { failed } = await refreshFeeds(context, settings(mirror, { ecosystems: ['npm'] }), { all: true });
  expect(failed).toMatchObject([{ error: 'it has more than 100 bytes, which is what advisories.maxDownload allows' }]);
});

test('KEV and EPSS are there beside each vulnerability, and what they change is told', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  mirror.osv('npm', [advisory('GHSA-1', 'left-pad', '1.1.0', { aliases: ['CVE-2026-0001'], modified: at(0) })]);
  const catalogue = (...cves: string[]) =>
    JSON.stringify({
      catalogVersion: '1',
      vulnerabilities: cves.map((cveID) => ({ cveID, dateAdded: '2026-02-03', knownRansomwareCampaignUse: 'Known' })),
    });
  const scores = (probability: number) =>
    gzipSync(
      `#model_version:v2025.03.14,score_date:2026-01-01\ncve,epss,percentile\nCVE-2026-0001,${probability},0.87654\nCVE-2026-0002,0.5,0.9\n`,
    );
  mirror.put('/kev.json', catalogue('CVE-2026-0001', 'CVE-2020-0001'));
  mirror.put('/epss.csv.gz', scores(0.123));
  mirror.trouble('/kev.json', 'moves', 1);
  const config = settings(mirror, { sources: ['osv', 'kev', 'epss'] });
  const done = await refreshFeeds(refreshContextOf(db, mirror), config, { all: true });
  expect(done.failed).toEqual([]);
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)).toMatchObject([
    {
      id: 'CVE-2026-0001',
      kev: { dateAdded: '2026-02-03', ransomware: true },
      epss: { probability: 0.123, percentile: 0.88 },
    },
  ]);
  let { revision } = await changedComponents(db, 0, 10);
  const changedBy = async () => {
    await refreshFeeds(refreshContextOf(db, mirror), config, { all: true });
    const changed = await changedComponents(db, revision, 10);
    ({ revision } = changed);
    return changed.componentIds;
  };
  // By less than a hundredth since it was told last, however many days that takes.
  mirror.put('/epss.csv.gz', scores(0.128));
  expect(await changedBy()).toEqual([]);
  mirror.put('/epss.csv.gz', scores(0.134));
  expect(await changedBy()).toEqual([id!]);
  mirror.put('/kev.json', catalogue('CVE-2020-0001'));
  expect(await changedBy()).toEqual([id!]);
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)![0]!.kev).toBeUndefined();
  // Sources that are taken away.
  expect(await removeFeed(contextOf(db), 'epss')).toBe(true);
  expect((await changedComponents(db, revision, 10)).componentIds).toEqual([id!]);
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)![0]!.epss).toBeUndefined();
  expect(await removeFeed(contextOf(db), 'osv/npm')).toBe(true);
  expect(await removeFeed(contextOf(db), 'osv/npm')).toBe(false);
  expect(await names(db, id!)).toEqual([]);
  expect((await listFeeds(db)).map((feed) => feed.id)).toEqual(['kev']);
});

import { expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { advisory, component, contextOf, importAll, openAdvisories, refreshContextOf } from './advisory-rig.double.ts';
import { advisoryChecks } from './checks.ts';
import { advisoriesConfig } from './config.ts';
import { findFeed, listFeeds } from './feed-rows.ts';
import { sourceOf } from './formats/byte-source.ts';
import { importFile } from './import-file.ts';
import { startMirror } from './mirror.double.ts';
import { refreshFeeds } from './refresh.ts';
import { registerComponents } from './register.ts';

const day = 86_400_000;
const check = advisoryChecks.find(({ id }) => id === 'advisories-without-news')!;

test('a mirror that stands still is told of, although all of it is fetched each day', async () => {
  await using mirror = await startMirror();
  await using db = await openAdvisories();
  await registerComponents(db, [component('left-pad', '1.0.0')]);
  const osv = (...ids: string[]) =>
    mirror.osv(
      'npm',
      ids.map((id) => advisory(id, 'left-pad', '1.1.0')),
    );
  const kev = (...ids: string[]) =>
    mirror.put(
      '/kev.json',
      JSON.stringify({ vulnerabilities: ids.map((cveID) => ({ cveID, dateAdded: '2026-01-01' })) }),
    );
  const epss = (score: string) =>
    mirror.put('/epss.csv.gz', gzipSync(`#model_version:v4\ncve,epss,percentile\nCVE-2026-0001,${score},0.5\n`));
  osv('A-1');
  kev('CVE-2026-0001');
  epss('0.1');

  let now = Date.now();
  const began = now;
  const context = refreshContextOf(db, mirror, { now: () => now });
  const config = advisoriesConfig.parse({
    osv: `${mirror.base}/osv`,
    kev: `${mirror.base}/kev.json`,
    epss: `${mirror.base}/epss.csv.gz`,
    sources: ['osv', 'kev', 'epss'],
  });
  const after = async (days: number) => {
    now = began + days * day;
    expect((await refreshFeeds(context, config, { all: true })).failed).toEqual([]);
    const feeds = await listFeeds(db);
    // What was fetched is up to date, and is not fetched once more for that.
    expect(feeds.map(({ okAt }) => okAt)).toEqual([now, now, now]);
    const facts = { feeds, maxAge: config.maxAge, refresh: true, now, serverId: '/' };
    return check.look(facts).map(({ problem }) => problem);
  };

  expect(await after(0)).toEqual([]);
  expect(await after(14)).toEqual([]);
  const says = 'Sources of advisories are fetched and say nothing new: ';
  expect(await after(15)).toEqual([`${says}epss (for 15 days), kev (for 15 days), osv/npm (for 15 days)`]);
  // One that is not even fetched is told of as that.
  now = began + 20 * day;
  const feeds = await listFeeds(db);
  expect(check.look({ feeds, maxAge: config.maxAge, refresh: true, now, serverId: '/' })).toEqual([]);

  osv('A-1', 'A-2');
  epss('0.4');
  expect(await after(21)).toEqual([`${says}kev (for 21 days)`]);
  kev('CVE-2026-0001', 'CVE-2026-0002');
  expect(await after(22)).toEqual([]);

  expect((await listFeeds(db)).map(({ id, changedAt }) => [id, (changedAt! - began) / day])).toEqual([
    ['epss', 21],
    ['kev', 22],
    ['osv/npm', 21],
  ]);
});

test('the same once more is nothing new, and a little is', async () => {
  await using db = await openAdvisories();
  let now = 1000;
  const bring = (bytes: Uint8Array) =>
    importFile(contextOf(db, { now: () => now }), sourceOf(bytes), { origin: 'a file', wants: () => true });
  const kev = Buffer.from('{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-0001"}]}');
  const epss = (score: string) =>
    bring(gzipSync(`#model_version:v4\ncve,epss,percentile\nCVE-2026-0001,${score},0.5\n`));
  const changed = async (id: string) => (await findFeed(db, id))!.changedAt;
  await bring(kev);
  await epss('0.5');
  // What others change meanwhile is no news of theirs.
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0')]);
  now = 2000;
  await bring(kev);
  await epss('0.5');
  expect([await changed('kev'), await changed('epss')]).toEqual([1000, 1000]);
  await epss('0.501');
  now = 3000;
  await epss('0.502');
  now = 4000;
  await epss('0.502');
  expect(await changed('epss')).toBe(3000);
});

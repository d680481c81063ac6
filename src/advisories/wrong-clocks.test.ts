import { expect, test } from 'bun:test';
import { createOutbound } from '../outbound/index.ts';
import { advisory, contextOf, openAdvisories } from './advisory-rig.double.ts';
import { advisoryChecks } from './checks.ts';
import { advisoriesConfig } from './config.ts';
import { findFeed } from './feed-rows.ts';
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
  const context = {
    ...contextOf(db, { now: () => now }),
    fetcher: {
      outbound: createOutbound({ allow: [mirror.host] }),
      signal: new AbortController().signal,
      sleep: async () => {},
    },
    openArtifact: () => Promise.reject(new Error('there is no registry')),
  };
  await refreshFeeds(context, config, { all: false });
  now = right;
  const feed = (await findFeed(db, 'osv/npm'))!;
  expect(isStale(feed, config.maxAge, now)).toBe(true);
  const facts = { feeds: [feed], maxAge: config.maxAge, refresh: true, now, serverId: '/' };
  expect(advisoryChecks[0]!.look(facts)).toMatchObject([{ problem: expect.stringContaining('at a time to come') }]);
  mirror.asked();
  await refreshFeeds(context, config, { all: false });
  expect(mirror.asked()).toContain('/osv/npm/all.zip');
  expect(await findFeed(db, 'osv/npm')).toMatchObject({ okAt: now, dueAt: now + config.interval });
});

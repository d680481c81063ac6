import { expect, test } from 'bun:test';
import { advisory, component, itemsOf, openAdvisories, refreshContextOf } from './advisory-rig.double.ts';
import { advisoriesConfig } from './config.ts';
import { findFeed } from './feed-rows.ts';
import type { RefreshContext } from './feeds/feeds.ts';
import { importFeed } from './import-feed.ts';
import { startMirror, zipOf } from './mirror.double.ts';
import { refreshFeeds } from './refresh.ts';
import { registerComponents } from './register.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

/*
 * Mirrors of OSV whose files are not of one time, or not of this one: what is known stays, and what is there is found.
 */

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();
const of = (id: string, minute: number, fixed = '2.0.0') => advisory(id, 'left-pad', fixed, { modified: at(minute) });

async function openMirror() {
  const stack = new AsyncDisposableStack();
  const mirror = stack.use(await startMirror());
  const db = stack.use(await openAdvisories());
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  let now = Date.UTC(2026, 0, 2);
  let ends: () => Promise<boolean> = async () => false;
  const context: RefreshContext = refreshContextOf(db, mirror, {
    now: () => now,
    async rest() {
      if (await ends()) throw new Error('this process ends');
    },
  });
  const config = advisoriesConfig.parse({ osv: `${mirror.base}/osv`, sources: ['osv'] });
  return {
    mirror,
    db,
    context,
    /** Imports break off once that holds. */
    endWhen: (holds: () => Promise<boolean>) => void (ends = holds),
    pass: (ms: number) => void (now += ms),
    refresh: (force = false) => refreshFeeds({ ...context, force }, config, { all: true }),
    known: async () => (await vulnerabilitiesOf(db, [id!])).get(id!)!.map((one) => one.id),
    fixes: async () => (await vulnerabilitiesOf(db, [id!])).get(id!)!.map((one) => one.fixedVersion),
    feed: async () => (await findFeed(db, 'osv/npm'))!,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const day = 86_400_000;

test('a record that the list names and the mirror lacks stays as it is known; the export is asked instead', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known, feed } = rig;
  mirror.osv('npm', [of('A-1', -60), of('A-2', 0)]);
  await refresh();
  const before = await feed();
  // The list alone has come, and the export is the one of before.
  const exported = zipOf({ 'A-1.json': JSON.stringify(of('A-1', -60)), 'A-2.json': JSON.stringify(of('A-2', 0)) });
  mirror.osv('npm', [of('A-1', -60), of('A-2', 30)]);
  mirror.put('/osv/npm/all.zip', exported);
  mirror.remove('/osv/npm/A-2.json');
  rig.pass(1000);
  expect((await refresh()).failed).toMatchObject([{ error: expect.stringContaining('names A-2 as changed') }]);
  expect(await known()).toEqual(['A-1', 'A-2']);
  expect(await feed()).toMatchObject({ okAt: before.okAt, position: before.position });
  mirror.osv('npm', [of('A-1', -60), of('A-2', 30), of('A-3', 30)]);
  for (const id of ['A-1', 'A-2', 'A-3']) mirror.remove(`/osv/npm/${id}.json`);
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ added: 1 }] });
  expect(await known()).toEqual(['A-1', 'A-2', 'A-3']);
});

test('what was known when the list was read last need not be there as a record', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0)]);
  await refresh();
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0), of('A-2', 5)]);
  mirror.remove('/osv/npm/A-1.json');
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ added: 1, records: 1 }] });
  expect(await known()).toEqual(['A-0', 'A-1', 'A-2']);
});

test('what the list names and an older export lacks comes as an increment', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  const all = [of('A-1', -60), of('A-2', 0), of('A-3', 30)];
  mirror.osv('npm', all);
  mirror.put('/osv/npm/all.zip', zipOf({ 'A-1.json': JSON.stringify(all[0]), 'A-2.json': JSON.stringify(all[1]) }));
  expect(await refresh()).toMatchObject({ feeds: [{ added: 3 }] });
  expect(await known()).toEqual(['A-1', 'A-2', 'A-3']);
  expect(await refresh()).toMatchObject({ feeds: [{ unchanged: true }] });
});

test('a whole export that is older than what increments have brought takes none of it away', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known, fixes } = rig;
  const exported = (...all: ReturnType<typeof of>[]) => {
    const files = Object.fromEntries(all.map((one) => [`${one.id}.json`, JSON.stringify(one)]));
    mirror.put('/osv/npm/all.zip', zipOf(files));
  };
  const [a, b, c] = [of('A-1', -300), of('A-2', 0), of('A-3', 60)];
  mirror.osv('npm', [a, b, c]);
  exported(a, b);
  // Also the first time: who has asked once has all that there is.
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ added: 3 }] });
  expect(await known()).toEqual(['A-1', 'A-2', 'A-3']);
  rig.pass(8 * day);
  const changed = of('A-2', 90, '3.0.0');
  mirror.osv('npm', [a, changed, c]);
  exported(a, b, of('A-0', 30));
  mirror.put(
    '/osv/npm/modified_id.csv',
    `${at(90)},A-2\n${at(60)},A-3\n${at(30)},A-0\n${at(0)},A-2\n${at(-300)},A-1\n`,
  );
  mirror.put('/osv/npm/A-0.json', JSON.stringify(of('A-0', 30)));
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ feed: 'osv/npm' }] });
  expect(await known()).toEqual(['A-0', 'A-1', 'A-2', 'A-3']);
  expect((await fixes())[2]).toBe('3.0.0');
  expect(await rig.feed()).toMatchObject({ position: at(90), records: 4 });
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ unchanged: true }] });
});

test('an export is there also where the records that it lacks cannot be had', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known, feed } = rig;
  mirror.osv('npm', [of('A-1', -60), of('A-2', 0), of('A-3', 30)]);
  const files = Object.fromEntries(
    [of('A-1', -60), of('A-2', 0)].map((one) => [`${one.id}.json`, JSON.stringify(one)]),
  );
  mirror.put('/osv/npm/all.zip', zipOf(files));
  mirror.trouble('/osv/npm/A-3.json', 'forbids', 2);
  expect((await refresh()).failed).toEqual([]);
  expect(await known()).toEqual(['A-1', 'A-2']);
  expect((await refresh()).failed).toMatchObject([{ error: expect.stringContaining('answered with 403') }]);
  expect(await feed()).toMatchObject({ position: at(0), failures: 1 });
  expect((await refresh()).failed).toEqual([]);
  expect(await known()).toEqual(['A-1', 'A-2', 'A-3']);
});

test('a list that comes to a mirror later is gone by, also where the export is the one of before', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  const all = [of('A-1', -60), of('A-2', 0), of('A-3', 30)];
  const files = Object.fromEntries(all.slice(0, 2).map((one) => [`${one.id}.json`, JSON.stringify(one)]));
  mirror.put('/osv/npm/all.zip', zipOf(files));
  await refresh();
  expect(await refresh()).toMatchObject({ feeds: [{ unchanged: true }] });
  mirror.osv('npm', all);
  mirror.put('/osv/npm/all.zip', zipOf(files));
  await refresh();
  expect(await known()).toEqual(['A-1', 'A-2', 'A-3']);
  mirror.asked();
  expect(await refresh()).toMatchObject({ feeds: [{ unchanged: true }] });
  expect(mirror.asked()).toEqual(['/osv/npm/modified_id.csv']);
});

test('another place is asked for all that it has, also where it fails the first time', async () => {
  await using rig = await openMirror();
  await using other = await startMirror();
  rig.mirror.osv('npm', [of('A-1', -60), of('A-2', 0)]);
  await rig.refresh();
  other.osv('npm', [of('A-0', -120), of('A-1', -60), of('A-2', 0)]);
  other.trouble('/osv/npm/all.zip', 'forbids', 1);
  const config = advisoriesConfig.parse({ osv: `${other.base}/osv`, sources: ['osv'] });
  expect((await refreshFeeds(rig.context, config, { all: true })).failed).toHaveLength(1);
  expect((await refreshFeeds(rig.context, config, { all: true })).failed).toEqual([]);
  expect(await rig.known()).toEqual(['A-0', 'A-1', 'A-2']);
});

test('an export that has not changed in a week takes the place in the list no further', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  const old = zipOf({ 'A-0.json': JSON.stringify(of('A-0', -300)), 'A-1.json': JSON.stringify(of('A-1', 0)) });
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0)]);
  mirror.put('/osv/npm/all.zip', old);
  await refresh();
  rig.pass(8 * day);
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0), of('A-2', 60)]);
  mirror.put('/osv/npm/all.zip', old);
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ added: 1 }] });
  expect(await known()).toEqual(['A-0', 'A-1', 'A-2']);
});

test('a time of another century in the list hides nothing that changes later', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0)]);
  await refresh();
  const odd = { ...of('A-2', 0), modified: '2126-01-01T00:00:00Z' };
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0), odd]);
  await refresh();
  rig.pass(3 * day);
  const later = { ...of('A-3', 0), modified: new Date(Date.UTC(2026, 0, 4)).toISOString() };
  mirror.osv('npm', [of('A-0', -300), of('A-1', 0), odd, later]);
  await refresh();
  expect(await known()).toEqual(['A-0', 'A-1', 'A-2', 'A-3']);
});

test('nor where it stays there while the source is asked each hour, or is in the whole export', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known } = rig;
  const odd = { ...of('A-0', 0), modified: '2126-01-01T00:00:00Z' };
  // A list is made some time after what is in it.
  const begin = 12 * 60;
  const records = [odd, of('A-1', begin - 60), of('A-9', -300)];
  mirror.osv('npm', records);
  await refresh();
  for (let hours = 1; hours < 4; hours++) {
    rig.pass(3_600_000);
    records.push(of(`A-${hours + 1}`, begin + hours * 60 - 30));
    mirror.osv('npm', records);
    mirror.asked();
    expect(await refresh()).toMatchObject({ failed: [], feeds: [{ added: 1 }] });
    expect(mirror.asked()).not.toContain('/osv/npm/all.zip');
  }
  expect(await known()).toEqual(['A-0', 'A-1', 'A-2', 'A-3', 'A-4', 'A-9']);
});

test('a damaged export changes nothing, also what it holds before the damage', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, fixes, feed } = rig;
  const { good, wrong } = exports();
  mirror.put('/osv/npm/all.zip', good);
  await refresh();
  const damaged = Buffer.from(wrong);
  const last = damaged.lastIndexOf('PK\x03\x04');
  damaged.fill(0xff, last + 40, last + 60);
  mirror.put('/osv/npm/all.zip', damaged);
  expect((await refresh()).failed).toMatchObject([{ error: expect.stringContaining('damaged') }]);
  expect(await fixes()).toEqual(['2.0.0', '2.0.0']);
  expect(await feed()).toMatchObject({ records: 122 });
});

test('a mirror that is older than it was takes nothing back, and is not called up to date; it is forced', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known, feed } = rig;
  const old = of('A-1', -3 * 24 * 60);
  mirror.osv('npm', [old, of('A-2', 0)]);
  await refresh();
  const before = await feed();
  mirror.osv('npm', [old]);
  for (const ms of [1000, 8 * day]) {
    rig.pass(ms);
    expect((await refresh()).failed).toMatchObject([{ error: expect.stringContaining('it is older than it was') }]);
    expect(await known()).toEqual(['A-1', 'A-2']);
    expect(await feed()).toMatchObject({ okAt: before.okAt });
  }
  expect(await refresh(true)).toMatchObject({ feeds: [{ removed: 1 }] });
  expect(await known()).toEqual(['A-1']);
});

test('after an import that broke off, the export of before is not taken for what is stored', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, fixes, feed } = rig;
  const { good, wrong } = exports();
  mirror.put('/osv/npm/all.zip', good);
  await refresh();
  mirror.put('/osv/npm/all.zip', wrong);
  rig.endWhen(async () => (await fixes()).length === 1);
  expect((await refresh()).failed).toHaveLength(1);
  expect(await fixes()).toEqual(['2.0.0']);
  rig.endWhen(async () => false);
  // It is withdrawn.
  mirror.put('/osv/npm/all.zip', good);
  expect(await refresh()).toMatchObject({ failed: [], feeds: [{ removed: 0 }] });
  expect(await fixes()).toEqual(['2.0.0', '2.0.0']);
  expect(await feed()).toMatchObject({ records: 122 });
});

/** A good one, and one by which nothing concerns anybody any more; as many records between the first and the last as one transaction has. */
function exports() {
  const record = (id: string, fixed: string, name = 'left-pad') =>
    [`${id}.json`, JSON.stringify(advisory(id, name, fixed, { modified: at(0) }))] as const;
  const all = (fixed: string) =>
    zipOf(
      Object.fromEntries([
        record('A-1', fixed),
        ...Array.from({ length: 120 }, (_, n) => record(`B-${n}`, fixed, 'other')),
        record('C-1', fixed),
      ]),
    );
  return { good: all('2.0.0'), wrong: all('0.5.0') };
}

test('an export that is the one of before does not forget how many of its records were left out', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, feed } = rig;
  mirror.put('/osv/npm/all.zip', zipOf({ 'A-1.json': JSON.stringify(of('A-1', 0)), 'A-2.json': 'no JSON' }));
  await refresh();
  expect(await feed()).toMatchObject({ refused: 1 });
  expect((await refresh()).feeds).toMatchObject([{ unchanged: true }]);
  expect(await feed()).toMatchObject({ refused: 1 });
});

test('nor does one of which a record has changed since', async () => {
  await using rig = await openMirror();
  rig.mirror.osv('npm', [of('A-1', -60), of('A-2', 0), { id: 'A-3', modified: at(-60), affected: 'all' }]);
  await rig.refresh();
  expect(await rig.feed()).toMatchObject({ refused: 1 });
  const zip = zipOf({
    'A-1.json': JSON.stringify(of('A-1', -60)),
    'A-2.json': JSON.stringify(of('A-2', 0)),
    'A-3.json': JSON.stringify({ id: 'A-3', modified: at(-60), affected: 'all' }),
  });
  rig.mirror.osv('npm', [of('A-1', -60), of('A-2', 30, '3.0.0'), { id: 'A-3', modified: at(-60), affected: 'all' }]);
  rig.mirror.put('/osv/npm/all.zip', zip);
  rig.pass(8 * day);
  expect(await rig.refresh()).toMatchObject({ failed: [], feeds: [{ changed: 1 }] });
  expect(await rig.feed()).toMatchObject({ refused: 1, wholeAt: Date.UTC(2026, 0, 10) });
});

test('what is brought while a source is asked is not confirmed by its answer, nor gone on from', async () => {
  await using rig = await openMirror();
  const { mirror, refresh, known, feed } = rig;
  mirror.osv('npm', [of('A-1', -60), of('A-2', 0)]);
  await refresh();
  const before = await feed();
  const bring = () =>
    importFeed(rig.context, {
      id: 'osv/npm',
      origin: 'a file',
      ecosystem: 'npm',
      at: 1,
      items: () => itemsOf([of('A-1', -60)]),
    });
  for (const records of [
    [of('A-1', -60), of('A-2', 0)],
    [of('A-1', -60), of('A-2', 0), of('A-3', 30)],
  ]) {
    mirror.osv('npm', records);
    mirror.meanwhile('/osv/npm/modified_id.csv', bring);
    await refresh();
    expect(await known()).toEqual(['A-1']);
    expect(await feed()).toMatchObject({ okAt: 1, position: '' });
    await refresh();
    expect(await known()).toEqual(records.map(({ id }) => id));
  }
  expect((await feed()).position > before.position).toBe(true);
});

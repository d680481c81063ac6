import { expect, test } from 'bun:test';
import { testdata } from '../../test/support/testdata.ts';
import { advisory, component, contextOf, importAll, itemsOf, openAdvisories } from './advisory-rig.double.ts';
import { findFeed } from './feed-rows.ts';
import { openFile, sourceOf } from './formats/byte-source.ts';
import { importFeed } from './import-feed.ts';
import { importFile } from './import-file.ts';
import { importRecords, type Item } from './import-records.ts';
import { zipOf } from './mirror.double.ts';
import { registerComponents } from './register.ts';
import { removeFeed } from './remove-feed.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

const wants = () => true;

for (const [ecosystem, total, withdrawn] of [
  ['Go', 4291, 17],
  ['PyPI', 2661, 10],
] as const) {
  const path = testdata(`osv/${ecosystem}/all.zip`);
  test.if(path !== undefined)(
    `the export of ${ecosystem} is stored but for what is withdrawn, and again without a change`,
    async () => {
      await using db = await openAdvisories();
      await using file = await openFile(path!);
      const [first] = await importFile(contextOf(db), file, { origin: path!, wants });
      expect(first).toMatchObject({ feed: `osv/${ecosystem}`, records: total, refused: 0, added: total - withdrawn });
      const before = await findFeed(db, `osv/${ecosystem}`);
      expect(before).toMatchObject({ records: total - withdrawn, failures: 0 });
      const [again] = await importFile(contextOf(db), file, { origin: path!, wants });
      expect(again).toMatchObject({ records: total, added: 0, changed: 0, removed: 0 });
      expect((await findFeed(db, `osv/${ecosystem}`))!.revision).toBe(before!.revision);
    },
    120_000,
  );
}

const found = async (db: Awaited<ReturnType<typeof openAdvisories>>, id: number) =>
  (await vulnerabilitiesOf(db, [id])).get(id)!.map((one) => one.id);

test('what an export no longer has, withdraws or changes, goes or changes', async () => {
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  await importAll(db, [
    advisory('A-1', 'left-pad', '1.1.0'),
    advisory('A-2', 'left-pad', '1.1.0'),
    advisory('A-3', 'left-pad', '1.1.0'),
    advisory('A-4', 'left-pad', '1.1.0'),
  ]);
  expect(await found(db, id!)).toEqual(['A-1', 'A-2', 'A-3', 'A-4']);
  const done = await importAll(db, [
    advisory('A-1', 'left-pad', '1.1.0'),
    advisory('A-2', 'left-pad', '1.1.0', { withdrawn: '2026-02-01T00:00:00Z' }),
    advisory('A-3', 'left-pad', '0.9.0'),
  ]);
  expect(done).toMatchObject({ added: 0, changed: 1, removed: 2 });
  expect(await found(db, id!)).toEqual(['A-1']);
  expect((await findFeed(db, 'osv/npm'))!.records).toBe(2);
});

test('increments take away nothing but what they say is gone', async () => {
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('left-pad', '1.0.0')]);
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0'), advisory('A-2', 'left-pad', '1.1.0')]);
  const increment = [
    advisory('A-3', 'left-pad', '2.0.0'),
    advisory('A-1', 'left-pad', '1.1.0', { withdrawn: '2026-02-01T00:00:00Z' }),
  ];
  await importRecords(db, () => itemsOf(increment), {
    part: 'osv/npm',
    ecosystem: 'npm',
    whole: false,
    rest: async () => {},
  });
  expect(await found(db, id!)).toEqual(['A-2', 'A-3']);
});

test('an export that breaks off changes nothing; an import that does leaves whole records, and takes nothing away', async () => {
  await using db = await openAdvisories();
  const names = Array.from({ length: 300 }, (_, n) => `package-${n}`);
  const ids = await registerComponents(
    db,
    names.map((name) => component(name, '1.0.0')),
  );
  await importAll(
    db,
    names.map((name, n) => advisory(`A-${n}`, name, '2.0.0')),
  );
  const breakingIn = (reading: number) => {
    let readings = 0;
    const items = async function* () {
      readings++;
      for (const [n, name] of names.entries()) {
        if (n === 250 && readings === reading) throw new Error('the file broke');
        if (n % 2 === 0) yield { json: advisory(`A-${n}`, name, '3.0.0') };
      }
    };
    return importRecords(db, items, { part: 'osv/npm', ecosystem: 'npm', whole: true, rest: async () => {} });
  };
  const known = async () =>
    [...(await vulnerabilitiesOf(db, ids)).values()].map((all) => all.map(({ fixedVersion }) => fixedVersion));
  await expect(breakingIn(1)).rejects.toThrow('the file broke');
  expect(await known()).toEqual(names.map(() => ['2.0.0']));
  await expect(breakingIn(2)).rejects.toThrow('the file broke');
  const fixes = await known();
  expect(fixes.every((all) => all.length === 1 && ['2.0.0', '3.0.0'].includes(all[0]!))).toBe(true);
  expect(fixes.filter(([fix]) => fix === '3.0.0').length).toBe(100);
});

test('an export that is empty, or half of what was known, is not believed', async () => {
  await using db = await openAdvisories();
  const all = Array.from({ length: 200 }, (_, n) => advisory(`A-${n}`, `package-${n}`, '2.0.0'));
  await importAll(db, all);
  await expect(importAll(db, [])).rejects.toThrow('it holds no advisory');
  await expect(importAll(db, [{ id: 7 }])).rejects.toThrow('a record has no id');
  await expect(importAll(db, all.slice(0, 99))).rejects.toThrow('it holds 99 of the 200 advisories that are known');
  expect((await findFeed(db, 'osv/npm'))!.records).toBe(200);
  const options = { part: 'osv/npm', ecosystem: 'npm', whole: true, mayShrink: true, rest: async () => {} };
  expect(await importRecords(db, () => itemsOf(all.slice(0, 99)), options)).toMatchObject({ removed: 101 });
});

test('an export that withdraws everything, or speaks of other packages alone, takes nothing away before it is believed', async () => {
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('package-7', '1.0.0')]);
  const all = Array.from({ length: 200 }, (_, n) => advisory(`A-${n}`, `package-${n}`, '2.0.0'));
  await importAll(db, all);
  for (const less of [{ withdrawn: '2026-02-01T00:00:00Z' }, { affected: [] }]) {
    const emptied = all.map((record, n) => (n < 190 ? { ...record, ...less } : record));
    await expect(importAll(db, emptied)).rejects.toThrow('10 of the 200 advisories');
    await expect(importAll(db, emptied.slice(0, 190))).rejects.toThrow('it holds no advisory');
  }
  // As many, and none of them was known.
  const others = Array.from({ length: 250 }, (_, n) => advisory(`B-${n}`, `package-${n}`, '2.0.0'));
  for (let attempt = 1; attempt <= 2; attempt++)
    await expect(importAll(db, others)).rejects.toThrow('0 of the 200 advisories');
  expect(await found(db, id!)).toEqual(['A-7']);
});

test('what was known of a record stays where its new form cannot be read', async () => {
  await using db = await openAdvisories();
  const ids = await registerComponents(
    db,
    ['x', 'y', 'z'].map((name) => component(name, '1.0.0')),
  );
  const known = () => Promise.all(ids.map((id) => found(db, id)));
  const [x, y, z] = [advisory('A-1', 'x', '2.0.0'), advisory('A-2', 'y', '2.0.0'), advisory('A-3', 'z', '2.0.0')];
  const beyond = advisory('A-1', 'x', '1.0.0', {
    entry: { versions: Array.from({ length: 60_000 }, (_, n) => `${n}`) },
  });
  await importAll(db, [x, y, z]);
  const zip = (files: Record<string, string>) =>
    importFile(contextOf(db), sourceOf(zipOf(files)), { origin: 'test', ecosystem: 'npm', wants });
  const done = await zip({
    'A-1.json': JSON.stringify(beyond),
    'npm/A-2.json': '{"id":"A-2","affe',
    'A-3.json': JSON.stringify(z),
  });
  expect(done).toMatchObject([{ refused: 2, removed: 0 }]);
  expect(await known()).toEqual([['A-1'], ['A-2'], ['A-3']]);
  // It does not say what it is: any of those that are missing may be it.
  expect(await importAll(db, [{ affected: x.affected }, z])).toMatchObject({ refused: 1, removed: 0 });
  expect(await known()).toEqual([['A-1'], ['A-2'], ['A-3']]);
  for (const affected of [
    { oops: 1 },
    [{ package: { ecosystem: 'npm', name: 'x' }, ranges: 'all' }],
    [{ package: { ecosystem: 'npm', name: 'x' }, ranges: [{ type: 'SEMVER', events: [{ introduced: 7 }] }] }],
    [{ package: { ecosystem: 'npm', name: 'x' }, versions: [1, 2] }],
  ])
    expect(await importAll(db, [{ id: 'A-1', affected }, y, z])).toMatchObject({ refused: 1, removed: 0 });
  expect(await known()).toEqual([['A-1'], ['A-2'], ['A-3']]);
  expect(await importAll(db, [y, z])).toMatchObject({ removed: 1 });
  expect(await known()).toEqual([[], ['A-2'], ['A-3']]);
});

test('of two who import the same feed the later one goes on alone, and what is taken away is not imported further', async () => {
  await using db = await openAdvisories();
  const [id] = await registerComponents(db, [component('x', '1.0.0')]);
  const brought = (items: () => AsyncIterable<Item>) =>
    importFeed(contextOf(db), { id: 'osv/npm', origin: 'test', ecosystem: 'npm', items });
  const whileImporting = async (meanwhile: () => Promise<unknown>) => {
    let readings = 0;
    return brought(async function* () {
      readings++;
      yield { json: advisory('OLD-1', 'x', '2.0.0') };
      if (readings === 2) await meanwhile();
      yield { json: advisory('OLD-2', 'x', '2.0.0') };
    });
  };
  await expect(whileImporting(() => brought(() => itemsOf([advisory('NEW-1', 'x', '2.0.0')])))).rejects.toThrow(
    'another update of osv/npm has begun meanwhile',
  );
  expect(await found(db, id!)).toEqual(['NEW-1']);
  expect(await findFeed(db, 'osv/npm')).toMatchObject({ records: 1, failures: 0, error: undefined });
  await expect(whileImporting(() => removeFeed(contextOf(db), 'osv/npm'))).rejects.toThrow(
    'osv/npm was taken away meanwhile',
  );
  expect(await found(db, id!)).toEqual([]);
  expect(await findFeed(db, 'osv/npm')).toBeUndefined();
});

test('a feed that is being taken away is not called up to date, nor what is left of it the whole', async () => {
  await using db = await openAdvisories();
  const all = Array.from({ length: 300 }, (_, n) => advisory(`A-${n}`, `package-${n}`, '2.0.0'));
  await importAll(db, all, { okAt: Date.now() });
  let rounds = 0;
  const rest = async () => {
    if (++rounds === 2) throw new Error('this process ends');
  };
  await expect(removeFeed(contextOf(db, { rest }), 'osv/npm')).rejects.toThrow('this process ends');
  expect(await findFeed(db, 'osv/npm')).toMatchObject({
    records: 100,
    okAt: undefined,
    wholeAt: undefined,
    etag: '',
    position: '',
  });
  expect(await removeFeed(contextOf(db), 'osv/npm')).toBe(true);
});

test('of a record that affects several ecosystems, a feed has the part of its own', async () => {
  await using db = await openAdvisories();
  const [npm, pypi] = await registerComponents(db, [component('tool', '1.0.0'), component('tool', '1.0.0', 'PyPI')]);
  const record = advisory('GHSA-1', 'tool', '2.0.0');
  record.affected!.push(...advisory('', 'tool', '3.0.0', { ecosystem: 'PyPI' }).affected!);
  await importAll(db, [record], { ecosystem: 'npm' });
  expect([await found(db, npm!), await found(db, pypi!)]).toEqual([['GHSA-1'], []]);
  await importAll(db, [record], { part: 'osv/PyPI', ecosystem: 'PyPI' });
  expect([await found(db, npm!), await found(db, pypi!)]).toEqual([['GHSA-1'], ['GHSA-1']]);
});

test('what is malformed or beyond a bound is left out, counted, and says why; the rest comes', async () => {
  await using db = await openAdvisories();
  const huge = advisory('A-2', 'x', '1.0.0', { entry: { versions: Array.from({ length: 60_000 }, (_, n) => `${n}`) } });
  const done = await importAll(db, [null, 7, [], {}, { id: 'a b' }, huge, advisory('A-1', 'x', '1.0.0')]);
  expect(done).toMatchObject({ records: 7, refused: 6, added: 1 });
  expect(done.reasons).toHaveLength(5);
});

import { expect, test } from 'bun:test';
import { advisory, component, importAll, openAdvisories } from './advisory-rig.double.ts';
import { changedComponents } from './changed-components.ts';
import { componentsWith, findComponents } from './find-components.ts';
import { registerComponents } from './register.ts';
import { advisoriesStatus } from './status.ts';
import { vulnerabilitiesOf } from './vulnerabilities.ts';

test('a component has one id, whoever registers it and however often, and is matched with what is known', async () => {
  await using db = await openAdvisories();
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0')]);
  const given = [component('left-pad', '1.0.0'), component('other', '1.0.0'), component('left-pad', '1.0.0')];
  const [first, other, same] = await registerComponents(db, given);
  expect(same).toBe(first);
  const twice = await Promise.all([registerComponents(db, given), registerComponents(db, given.toReversed())]);
  expect(twice).toEqual([
    [first!, other!, first!],
    [first!, other!, first!],
  ]);
  const found = await vulnerabilitiesOf(db, [first!, other!, 999_999]);
  expect([...found].map(([id, all]) => [id, all.map((one) => one.id)])).toEqual([
    [first!, ['A-1']],
    [other!, []],
  ]);
});

test('components are registered in a transaction of the caller, too', async () => {
  await using db = await openAdvisories();
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0')]);
  const [id] = await db.write((tx) => registerComponents(tx, [component('left-pad', '1.0.0')]));
  expect((await vulnerabilitiesOf(db, [id!])).get(id!)).toMatchObject([{ id: 'A-1', fixedVersion: '1.1.0' }]);
});

test('a new advisory reaches what is registered, and only that is told to be looked at again', async () => {
  await using db = await openAdvisories();
  const [old, fixed, other] = await registerComponents(db, [
    component('left-pad', '1.0.0'),
    component('left-pad', '2.0.0'),
    component('right-pad', '1.0.0'),
  ]);
  const { revision } = await advisoriesStatus(db);
  expect(await changedComponents(db, revision, 100)).toEqual({ componentIds: [], revision });
  await importAll(db, [advisory('A-1', 'left-pad', '1.1.0'), advisory('A-2', 'unknown', '1.1.0')]);
  const changed = await changedComponents(db, revision, 100);
  expect(changed.componentIds).toEqual([old!]);
  expect(changed.revision).toBe((await advisoriesStatus(db)).revision);
  expect((await changedComponents(db, changed.revision, 100)).componentIds).toEqual([]);
  // A change of its words is one of what is said of the component; a change of its time is none.
  await importAll(db, [
    advisory('A-1', 'left-pad', '1.1.0', { modified: '2026-05-05T00:00:00Z' }),
    advisory('A-2', 'unknown', '1.1.0'),
  ]);
  expect((await changedComponents(db, changed.revision, 100)).componentIds).toEqual([]);
  await importAll(db, [
    advisory('A-1', 'left-pad', '1.1.0', { summary: 'It pads.' }),
    advisory('A-2', 'unknown', '1.1.0'),
  ]);
  expect((await changedComponents(db, changed.revision, 100)).componentIds).toEqual([old!]);
  const now = await vulnerabilitiesOf(db, [old!, fixed!, other!]);
  expect([...now.values()].map((all) => all.length)).toEqual([1, 0, 0]);
});

test('what has changed comes in pages, each component once', async () => {
  await using db = await openAdvisories();
  const names = Array.from({ length: 1300 }, (_, n) => `package-${n}`);
  const ids = await registerComponents(
    db,
    names.map((name) => component(name, '1.0.0')),
  );
  await importAll(
    db,
    names.map((name, n) => advisory(`A-${n}`, name, '2.0.0')),
  );
  const seen: number[] = [];
  for (let revision = 0, pages = 0; ; pages++) {
    const page = await changedComponents(db, revision, 150);
    if (page.componentIds.length === 0) break;
    expect(page.componentIds.length).toBeLessThanOrEqual(150 + 500);
    expect(pages).toBeLessThan(20);
    seen.push(...page.componentIds);
    revision = page.revision;
  }
  expect(seen.toSorted((one, other) => one - other)).toEqual(ids.toSorted((one, other) => one - other));
});

test('one advisory of very many components is told in pages of which none is endless', async () => {
  await using db = await openAdvisories();
  const ids = await registerComponents(
    db,
    Array.from({ length: 1200 }, (_, n) => component('left-pad', `1.0.${n}`)),
  );
  await importAll(db, [advisory('A-1', 'left-pad', '2.0.0')]);
  const first = await changedComponents(db, 0, 100);
  expect(first.componentIds).toHaveLength(500);
  const second = await changedComponents(db, first.revision, 700);
  expect(first.componentIds.length + second.componentIds.length).toBe(ids.length);
});

test('no component misses an advisory that comes while it is registered', async () => {
  await using db = await openAdvisories();
  const names = Array.from({ length: 200 }, (_, n) => `package-${n}`);
  const registering = Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      registerComponents(
        db,
        names.slice(n * 10, n * 10 + 10).map((name) => component(name, '1.0.0')),
      ),
    ),
  );
  await importAll(
    db,
    names.map((name, n) => advisory(`A-${n}`, name, '2.0.0')),
  );
  const ids = (await registering).flat();
  const found = await vulnerabilitiesOf(db, ids);
  expect([...found.values()].filter((all) => all.length !== 1)).toEqual([]);
});

test('components are found by name, by package URL, and by what is known against them', async () => {
  await using db = await openAdvisories();
  const [old, fixed, python] = await registerComponents(db, [
    component('left-pad', '1.0.0'),
    component('left-pad', '2.0.0'),
    component('left-pad', '1.0.0', 'PyPI'),
  ]);
  await importAll(db, [advisory('GHSA-1', 'left-pad', '1.1.0', { aliases: ['CVE-2026-0001'] })]);
  const ids = async (found: Promise<{ id: number }[]>) => new Set((await found).map(({ id }) => id));
  expect(await ids(findComponents(db, 'left-pad'))).toEqual(new Set([old!, fixed!, python!]));
  expect(await ids(findComponents(db, 'pkg:npm/left-pad'))).toEqual(new Set([old!, fixed!]));
  expect(await ids(findComponents(db, 'pkg:npm/left-pad@2.0.0'))).toEqual(new Set([fixed!]));
  expect(await ids(findComponents(db, 'pkg:pypi/left_pad'))).toEqual(new Set([python!]));
  expect(await ids(componentsWith(db, 'CVE-2026-0001'))).toEqual(new Set([old!]));
  expect(await ids(componentsWith(db, 'GHSA-1'))).toEqual(new Set([old!]));
  expect(await ids(componentsWith(db, 'CVE-2026-9999'))).toEqual(new Set());
});

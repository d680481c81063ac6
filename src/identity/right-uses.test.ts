import { describe, expect, test } from 'bun:test';
import { openTestDatabase } from '../../test/support/database.ts';
import { makeIssuer, registry } from '../../test/support/management.ts';
import { openAdviceRig } from '../advisor/advice-rig.double.ts';
import { createRightUses } from './right-uses.ts';
import { identityMigrations } from './tables.ts';

const hour = 3_600_000;
const one = '/providers/Microsoft.Authorization/roleAssignments/ONE';
const two = '/providers/Microsoft.Authorization/roleAssignments/two';

async function openRig() {
  const db = await openTestDatabase(identityMigrations);
  const clock = { now: 1_000 * 24 * hour };
  const known = new Set([one, two]);
  let writes = 0;
  const { write } = db;
  db.write = (action, options) => {
    writes++;
    return write(action, options);
  };
  const open = () =>
    createRightUses(
      db,
      (id) => known.has(id),
      () => clock.now,
    );
  return { db, clock, known, open, writes: () => writes, [Symbol.asyncDispose]: () => db[Symbol.asyncDispose]() };
}

describe('uses of rights', () => {
  test('are written once an hour at most, and none is written where nothing was used', async () => {
    await using rig = await openRig();
    const uses = rig.open();
    await uses.record();
    expect(rig.writes()).toBe(0);
    const first = rig.clock.now;
    for (let at = 0; at < 1000; at++) uses.used(one);
    await uses.record();
    expect(rig.writes()).toBe(1);
    rig.clock.now += hour - 1;
    uses.used(one);
    await uses.record();
    expect(rig.writes()).toBe(1);
    expect(await rig.open().all()).toEqual(new Map([[one.toLowerCase(), first]]));
    rig.clock.now += 1;
    uses.used(one);
    uses.used(two);
    await uses.record();
    expect(rig.writes()).toBe(2);
    const now = rig.clock.now;
    expect(await rig.open().all()).toEqual(new Map([one.toLowerCase(), two].map((key) => [key.toLowerCase(), now])));
  });

  test('count before they are written, and a late process does not set them back', async () => {
    await using rig = await openRig();
    const [slow, fast] = [rig.open(), rig.open()];
    slow.used(one);
    expect((await slow.all()).get(one.toLowerCase())).toBe(rig.clock.now);
    expect((await fast.all()).size).toBe(0);
    rig.clock.now += hour;
    fast.used(one);
    await fast.record();
    await slow.record();
    expect((await rig.open().all()).get(one.toLowerCase())).toBe(rig.clock.now);
  });

  test('that a clock which was ahead has seen do not make a right look used for a year', async () => {
    await using rig = await openRig();
    const uses = rig.open();
    const right = rig.clock.now;
    rig.clock.now += 365 * 24 * hour;
    uses.used(one);
    uses.used(two);
    await uses.record();
    rig.clock.now = right;
    expect((await uses.all()).size).toBe(0);
    uses.used(two);
    await uses.record();
    const found = new Map([[two.toLowerCase(), right]]);
    for (const all of [await uses.all(), await rig.open().all()]) expect(all).toEqual(found);
  });

  test('of what is no resource, or no longer one, are not kept', async () => {
    await using rig = await openRig();
    const uses = rig.open();
    uses.used('/providers/Microsoft.Authorization/roleAssignments/operator-1');
    await uses.record();
    expect(rig.writes()).toBe(0);
    uses.used(one);
    await uses.record();
    rig.clock.now += 401 * 24 * hour;
    uses.used(two);
    await uses.record();
    expect([...(await rig.open().all()).keys()]).toEqual([two.toLowerCase()]);
  });
});

test('a right that is used on the data or in management is not unused', async () => {
  await using rig = await openAdviceRig();
  const { manage, server } = rig;
  const { issuer, properties, token } = await makeIssuer();
  await manage.trust('mine', properties);
  const principalId = await manage.identity('builder');
  await manage.credential('builder', 'any', { issuer, subject: 'builder' });
  const reads = await manage.assign('Container Registry Repository Reader', { principalId });
  const manages = await manage.assign('Reader', { principalId });
  await rig.age(100);
  const unused = async () =>
    (await rig.advice('unused-right')).map((found) => found.resourceMetadata.resourceId).toSorted();
  for (const until = Date.now() + 45_000; (await unused()).length < 2 && Date.now() < until;) await Bun.sleep(50);
  expect(await unused()).toEqual([reads, manages].toSorted());

  const as = async (path: string) => {
    const headers = { Authorization: `Basic ${btoa(`any:${await token({ sub: 'builder' })}`)}` };
    return (await fetch(`${server.url}${path}`, { headers })).status;
  };
  // Whether there is such a tag or not: it was allowed to look.
  expect(await as('/v2/team/app/manifests/latest')).toBe(404);
  expect(await unused()).toEqual([manages]);
  expect(await as(`${registry}?api-version=2025-11-01`)).toBe(200);
  expect(await unused()).toEqual([]);
});

test('to explain a right is not to use it', async () => {
  await using rig = await openAdviceRig();
  const principalId = await rig.manage.identity('builder');
  await rig.manage.assign('Container Registry Repository Reader', { principalId });
  await rig.age(100);
  const found = async () => (await rig.advice('unused-right')).length;
  for (const until = Date.now() + 45_000; (await found()) < 1 && Date.now() < until;) await Bun.sleep(50);
  const explained = await rig.bonded('access explain --assignee builder --action pull --repository team/app');
  expect(explained.json()).toMatchObject({ allowed: true });
  expect(await found()).toBe(1);
});

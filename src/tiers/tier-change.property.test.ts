import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type CountLimit, counts, type Feature, features, tierType } from './contract.ts';
import { presets } from './presets.ts';
import { tierChange } from './tier-change.ts';
import type { Tier, Tiers } from './tiers.ts';

const runs = Number(process.env['BONDED_TEST_RUNS'] ?? 200);

const names = Object.keys(counts) as CountLimit[];
const words = Object.keys(features) as Feature[];
const limit = fc.oneof(fc.constant(-1), fc.nat(5));
const tier = fc
  .record({
    limits: fc.record({ maxStorage: limit, ...Object.fromEntries(names.map((name) => [name, limit])) }),
    features: fc.record(Object.fromEntries(words.map((word) => [word, fc.boolean()]))),
    rates: fc.record({
      egress: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 5 })),
      dataplaneRead: fc.record({ registry: fc.integer({ min: 1, max: 5 }) }),
    }),
  })
  .map((written): Tier => ({
    ...tierType.properties.parse(written),
    name: 'Some',
    hasRates: true,
    hasTransferLimits: true,
  }));
const held = fc.record({
  registry: fc.constant('main'),
  storage: fc.nat(6),
  counts: fc.array(fc.record({ limit: fc.constantFrom(...names), current: fc.nat(6) }), { maxLength: 4 }),
  features: fc.array(fc.record({ feature: fc.constantFrom(...words), target: fc.constant('properties.x') }), {
    maxLength: 4,
  }),
});
const none: Tiers = { named: () => undefined, of: () => ({}) as Tier, all: () => [] };

test('a change is allowed exactly where the other tier has room for all that is there', () => {
  fc.assert(
    fc.property(tier, tier, held, (from, to, has) => {
      const report = tierChange(none, from, to, has);
      const within = (current: number, most: number) => most < 0 || current <= most;
      const fits =
        within(has.storage, to.limits.maxStorage) &&
        has.counts.every(({ limit: name, current }) => within(current, to.limits[name])) &&
        has.counts.every(
          ({ limit: name, current }) => current === 0 || name !== 'geoReplications' || to.features.geoReplication,
        ) &&
        has.counts.every(
          ({ limit: name, current }) => current === 0 || name !== 'privateEndpoints' || to.features.privateEndpoints,
        ) &&
        has.features.every(({ feature }) => to.features[feature]);
      expect(report.allowed).toBe(fits);
      expect(report.blocks.length === 0).toBe(fits);
    }),
    { numRuns: runs },
  );
});

test('what is less one way is more the other way, and nothing is both', () => {
  fc.assert(
    fc.property(tier, tier, held, (from, to, has) => {
      const [there, back] = [tierChange(none, from, to, has), tierChange(none, to, from, has)];
      const namesOf = (...lists: readonly (readonly { name: string }[])[]) =>
        new Set(lists.flat().map(({ name }) => name));
      expect(namesOf(there.slower, there.lost)).toEqual(namesOf(back.gained));
      expect(namesOf(there.gained).intersection(namesOf(there.slower, there.lost)).size).toBe(0);
      const same = tierChange(none, from, from, has);
      expect([same.slower, same.lost, same.gained]).toEqual([[], [], []]);
    }),
    { numRuns: runs },
  );
});

test('what ACR refuses of its own tiers is refused', () => {
  const of = (name: string): Tier => ({ ...presets.get(name)!, name, hasRates: true, hasTransferLimits: false });
  const has = { registry: 'main', storage: 41 * 1024 ** 4, counts: [], features: [] };
  expect(tierChange(none, of('Premium'), of('Standard'), has).blocks.map(({ code }) => code)).toEqual([
    'StorageExceeded',
  ]);
  const rules = { ...has, storage: 0, counts: [{ limit: 'ipRules' as const, current: 1 }] };
  expect(tierChange(none, of('Premium'), of('Basic'), rules).allowed).toBe(false);
  expect(tierChange(none, of('Basic'), of('acr-premium'), { ...has, storage: 0 }).slower).toEqual([]);
});

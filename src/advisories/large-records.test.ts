import { expect, test } from 'bun:test';
import { advisory, component, importAll, openAdvisories } from './advisory-rig.double.ts';
import type { OsvAffected } from './osv.ts';
import { registerComponents } from './register.ts';

/*
 * Records as large as they may be, of a package of which there are thousands of versions. What is compared within the transaction
 * keeps all others waiting who write: it grows with the logarithm of what a record lists. Before, the first two took 2 and 37 s.
 */

const most = 50_000;
const many = Array.from({ length: most }, (_, n) => `2.${n}.0`);
const events = many.slice(0, most / 2).flatMap((version) => [{ introduced: version }, { fixed: `${version}.1` }]);

test.each<[string, string, Partial<OsvAffected>]>([
  ['versions one by one', 'npm', { versions: many }],
  ['versions that are written in several ways', 'PyPI', { versions: many }],
  ['events', 'npm', { ranges: [{ type: 'SEMVER', events: events.slice(0, most) }] }],
])(
  'a record of fifty thousand %s is compared with thousands of components at once',
  async (_, ecosystem, entry) => {
    await using db = await openAdvisories();
    await registerComponents(
      db,
      Array.from({ length: 2000 }, (__, n) => component('x', `1.${n}.0`, ecosystem)),
    );
    const began = performance.now();
    const affected = [{ package: { ecosystem, name: 'x' }, ...entry }];
    expect(await importAll(db, [advisory('A-1', 'x', undefined, { affected })])).toMatchObject({ added: 1 });
    expect(performance.now() - began).toBeLessThan(10_000);
  },
  120_000,
);

test('a record of more ranges of one package than are compared is refused', async () => {
  await using db = await openAdvisories();
  const [one] = advisory('A-1', 'x', '1.0.0').affected!;
  const of = (entries: number) =>
    advisory('A-1', 'x', undefined, { affected: Array.from({ length: entries }, () => one!) });
  expect(await importAll(db, [of(1000)])).toMatchObject({ added: 1 });
  await expect(importAll(db, [of(1001)])).rejects.toThrow('A-1 names more than 1000 ranges of a package');
});

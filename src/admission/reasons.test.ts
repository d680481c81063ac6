import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type AdmissionReason, reasonCodes } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { facts, finding, policy, scan } from './facts.double.ts';
import { addReason, mergeReasons, noReasons } from './reasons.ts';

const someReason: fc.Arbitrary<AdmissionReason> = fc.record(
  {
    code: fc.constantFrom(...reasonCodes),
    policy: fc.constantFrom('a', 'b'),
    rule: fc.constantFrom('r', 's'),
    message: fc.constantFrom('x', 'y', 'z'),
    remedy: fc.constantFrom('1', '2', '3'),
    platform: fc.constantFrom('linux/amd64', 'linux/arm64'),
  },
  { requiredKeys: ['code', 'policy', 'rule', 'message', 'remedy'] },
);

test('the first reasons are kept, whatever the order they come in, and all are counted', () => {
  const some = fc.array(someReason, { maxLength: 200 });
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 4 }), (all, lists) => {
      const made: AdmissionReason[][] = [];
      const collect = (reasons: readonly AdmissionReason[]) => {
        const collected = noReasons();
        for (const reason of reasons) addReason(collected, reason, (order) => order);
        made.push(collected.kept);
        return collected;
      };
      const whole = collect(all);
      expect(whole.count).toBe(all.length);
      expect(whole.kept).toHaveLength(Math.min(50, all.length));
      const shares = Array.from({ length: lists }, (_, n) => collect(all.filter((__, at) => at % lists === n)));
      expect(mergeReasons(shares)).toEqual(whole);
      expect(collect(all.toReversed())).toEqual(whole);
      // None that is left out comes before one that is kept.
      const kept = whole.kept.map((one) => JSON.stringify(one));
      const both = all.length > 50 ? collect([...whole.kept, ...all.slice(-1)]).kept : whole.kept;
      expect(both.map((one) => JSON.stringify(one))).toEqual(kept);
    }),
  );
});

test('of 20,000 findings that refuse an image, no more is made than a decision names', () => {
  let made = 0;
  const findings = Array.from({ length: 20_000 }, (_, n) => ({
    ...finding({ id: `CVE-2026-${10_000 + n}` }),
    get fixedVersion() {
      made++;
      return '2';
    },
  }));
  const decision = evaluate(facts({ scan: scan(findings) }), [policy({ severity: 'High' })], [], 0);
  expect(decision).toMatchObject({ effect: 'deny', more: 19_950 });
  expect(decision.reasons[0]!.message).toContain('CVE-2026-10000');
  expect(made).toBeLessThan(200);
});

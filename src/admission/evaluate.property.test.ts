import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Decision, effects, forever } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { day, someException, someFacts, someNow, somePolicy } from './facts.double.ts';

const input = fc.tuple(
  someFacts,
  fc.array(somePolicy, { maxLength: 4 }),
  fc.array(someException, { maxLength: 4 }),
  someNow,
);
const rank = ({ effect }: Decision) => effects.indexOf(effect);
/** How many histories are tried. */
const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 1_000);

test('an exception that is added never makes a decision worse', () => {
  fc.assert(
    fc.property(input, someException, ([facts, policies, exceptions, now], added) => {
      const before = evaluate(facts, policies, exceptions, now);
      const after = evaluate(facts, policies, [...exceptions, added], now);
      expect(rank(after)).toBeLessThanOrEqual(rank(before));
    }),
    { numRuns },
  );
});

test('what is denied or waits has a reason, of one line that fits and with what to do; what is allowed has none', () => {
  fc.assert(
    fc.property(input, ([facts, policies, exceptions, now]) => {
      const { effect, reasons, audited } = evaluate(facts, policies, exceptions, now);
      expect(reasons.length > 0).toBe(effect === 'deny' || effect === 'pending');
      if (effect === 'would-deny') expect(audited.length).toBeGreaterThan(0);
      for (const { message, remedy } of [...reasons, ...audited]) {
        expect(message.length).toBeLessThanOrEqual(256);
        expect(message + remedy).not.toMatch(/[\p{Cc}]/u);
        expect(remedy).not.toBe('');
      }
    }),
    { numRuns },
  );
});

test('the end of its validity is exactly when the effect becomes another one by time alone', () => {
  fc.assert(
    fc.property(input, fc.double({ min: 0, max: 1, noNaN: true }), ([facts, policies, exceptions, now], part) => {
      const { effect, validUntil } = evaluate(facts, policies, exceptions, now);
      const at = (time: number) => evaluate(facts, policies, exceptions, time).effect;
      expect(validUntil).toBeGreaterThan(now);
      // PostgreSQL takes no other one.
      expect(Number.isSafeInteger(validUntil)).toBe(true);
      if (validUntil === forever) {
        for (const later of [now + 1, now + 30 * day * part, now + 4000 * day]) expect(at(later)).toBe(effect);
        return;
      }
      expect(at(now + Math.floor((validUntil - 1 - now) * part))).toBe(effect);
      expect(at(validUntil - 1)).toBe(effect);
      expect(at(validUntil)).not.toBe(effect);
    }),
    { numRuns },
  );
});

test('the order of policies, exceptions and findings does not matter', () => {
  fc.assert(
    fc.property(input, ([facts, policies, exceptions, now]) => {
      const turned = {
        ...facts,
        ...(facts.scan && { scan: { ...facts.scan, findings: facts.scan.findings.toReversed() } }),
      };
      const forward = evaluate(facts, policies, exceptions, now);
      const { excepted: _, ...backward } = evaluate(turned, policies.toReversed(), exceptions.toReversed(), now);
      expect(forward).toMatchObject(backward);
    }),
    { numRuns },
  );
});

test('a policy that audits denies nothing and delays nothing', () => {
  fc.assert(
    fc.property(input, ([facts, policies, exceptions, now]) => {
      const enforced = policies.filter(({ mode }) => mode !== 'audit');
      const all = evaluate(facts, policies, exceptions, now);
      const without = evaluate(facts, enforced, exceptions, now);
      if (without.effect === 'allow') expect(['allow', 'would-deny']).toContain(all.effect);
      else expect([all.effect, all.reasons]).toEqual([without.effect, without.reasons]);
    }),
    { numRuns },
  );
});

test('a policy that is added never lets out what was denied', () => {
  fc.assert(
    fc.property(input, somePolicy, ([facts, policies, exceptions, now], added) => {
      const before = evaluate(facts, policies, exceptions, now);
      expect(rank(evaluate(facts, [...policies, added], exceptions, now))).toBeGreaterThanOrEqual(rank(before));
    }),
    { numRuns },
  );
});

test('a supply-chain artifact is never refused', () => {
  fc.assert(
    fc.property(input, ([facts, policies, exceptions, now]) => {
      const { effect } = evaluate({ ...facts, kind: 'supply-chain' }, policies, exceptions, now);
      expect(effect).toBe('allow');
    }),
    { numRuns: 100 },
  );
});

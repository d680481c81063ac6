import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { Mirror, Resource } from '../resources/index.ts';
import { admissionExceptionType, admissionPolicyType } from './contract.ts';
import { evaluate } from './evaluate.ts';
import { facts, scan } from './facts.double.ts';
import { createRules } from './rules.ts';
import { readException, readPolicy } from './written-rules.ts';

/* What a newer version has written lets nothing out, and excuses nothing. */

const resource = (properties: object) =>
  ({ name: 'one', properties, createdBy: 'me', createdAt: 0 }) as never as Resource;
const policy = admissionPolicyType.properties.parse({ repositories: ['prod/*'], mode: 'enforce', severity: 'High' });
const exception = admissionExceptionType.properties.parse({
  vulnerability: 'CVE-2026-1',
  repositories: ['*'],
  expiresOn: '2027-01-01T00:00:00Z',
});
const decide = (properties: object) =>
  evaluate(facts({ scan: scan() }), [readPolicy(resource(properties)).policy], [], 1);

test('what this version writes it understands, and what an older one wrote without what has come since', () => {
  expect(readPolicy(resource(policy)).policy.unreadable).toBeUndefined();
  expect(decide(policy).effect).toBe('allow');
  const { osLongTermSupport: _, exceptions: __, ...older } = policy;
  expect(readPolicy(resource(older)).policy).toEqual(readPolicy(resource(policy)).policy);
  expect(readException(resource(exception))).toMatchObject({ vulnerability: 'CVE-2026-1' });
});

describe('a policy of a newer version refuses all that it covers', () => {
  test.each([
    ['asks for more', { ...policy, signers: [{ issuer: 'x' }] }],
    ['asks for more within', { ...policy, exceptions: { ...policy.exceptions, mostAtOnce: 3 } }],
    ['has another value', { ...policy, unscanned: 'ask' }],
    ['has another mode', { ...policy, mode: 'escrow' }],
    ['names repositories otherwise', { ...policy, repositories: [{ prefix: 'prod' }] }],
  ])('that %s', (_, properties) => {
    const { effect, reasons } = decide(properties);
    expect({ effect, code: reasons[0]!.code }).toEqual({ effect: 'deny', code: 'POLICY_UNREADABLE' });
    expect(reasons[0]!.remedy).toContain('upgrade this node');
  });

  test('and no others', () => {
    const { policy: read } = readPolicy(resource({ ...policy, signers: [] }));
    expect(evaluate(facts({ repository: 'dev/app' }), [read], [], 1).effect).toBe('allow');
  });

  test('where it audits, it says so and refuses nothing; where it is disabled, it does not hold', () => {
    const auditing = decide({ ...policy, mode: 'audit', signers: [] });
    expect([auditing.effect, auditing.audited[0]!.code]).toEqual(['would-deny', 'POLICY_UNREADABLE']);
    expect(readPolicy(resource({ ...policy, enabled: false, signers: [] })).enabled).toBe(false);
  });

  test('in quarantine it waits for a node that can tell', () => {
    expect(decide({ ...policy, mode: 'quarantine', signers: [] }).quarantine?.state).toBe('Quarantined');
  });
});

test('an exception of a newer version excuses nothing', () => {
  for (const more of [{ platforms: ['linux/arm64'] }, { status: 'disputed' }])
    expect(readException(resource({ ...exception, ...more }))).toBeUndefined();
});

test('whether all of it is understood is known as soon as something else is written', () => {
  const registry = { id: 1, name: 'r', resourceId: '/r', quarantines: false };
  let all: { type: string; resource: Resource }[] = [];
  const mirror = {
    list: (type: string) => all.filter((one) => one.type === type).map(({ resource: one }) => one),
  } as unknown as Mirror;
  const rules = createRules(mirror, () => [registry]);
  const look = (policies: object[], exceptions: object[]) => {
    const stored = (type: string) => (one: object) => ({
      type,
      resource: { ...resource(one), etag: JSON.stringify(one) },
    });
    all = [...policies.map(stored(admissionPolicyType.type)), ...exceptions.map(stored(admissionExceptionType.type))];
    const { isUnderstood, isWhole } = rules.registry(1)!;
    return [isUnderstood, isWhole, rules.of(1, 'prod/app')!.isUnderstood];
  };
  expect(look([policy], [exception])).toEqual([true, true, true]);
  // The others go on: nobody is let out by such an exception here, and nothing else is.
  expect(look([policy], [exception, { ...exception, platforms: [] }])).toEqual([true, false, true]);
  expect(look([policy, { ...policy, signers: [] }], [])).toEqual([false, false, false]);
  expect(look([policy, { ...policy, repositories: ['dev'], signers: [] }], [])).toEqual([false, false, true]);
});

test('whatever stands in a policy, it is read', () => {
  const written = fc.dictionary(
    fc.constantFrom(...Object.keys(admissionPolicyType.properties.shape), 'signers'),
    fc.jsonValue(),
  );
  fc.assert(
    fc.property(written, (properties) => {
      const { policy: read } = readPolicy(resource(properties));
      expect(read.repositories.length).toBeGreaterThan(0);
      expect(read.unreadable ?? admissionPolicyType.properties.safeParse(properties).success).toBe(true);
    }),
  );
});

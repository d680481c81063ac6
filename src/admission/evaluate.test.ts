import { describe, expect, test } from 'bun:test';
import { forever, type AdmissionFacts } from './decision.ts';
import { evaluate } from './evaluate.ts';
import type { AdmissionException } from './exception.ts';
import { day, digestNumber, exception, facts, finding, policy, scan } from './facts.double.ts';
import { type AdmissionPolicy, registryQuarantine } from './policy.ts';

const high = policy({ severity: 'High' });
const decide = (
  more: Partial<AdmissionFacts>,
  policies: AdmissionPolicy[] = [high],
  exceptions: AdmissionException[] = [],
  now = day,
) => evaluate(facts(more), policies, exceptions, now);
const effectOf = (...given: Parameters<typeof decide>) => decide(...given).effect;
const found = (more: Parameters<typeof finding>[0]) => ({ scan: scan([finding(more)]) });

describe('findings', () => {
  test.each<[object, Partial<AdmissionPolicy>, string]>([
    [{ severity: 'High' }, { severity: 'High' }, 'deny'],
    [{ severity: 'Critical' }, { severity: 'High' }, 'deny'],
    [{ severity: 'Medium' }, { severity: 'High' }, 'allow'],
    [{ severity: 'Unknown' }, { severity: 'Negligible' }, 'allow'],
    [{ severity: 'Unknown' }, { severity: 'Critical', unknownSeverity: 'deny' }, 'deny'],
    [{ severity: 'Unknown' }, { unknownSeverity: 'deny' }, 'allow'],
    [{ severity: 'Unknown', fixable: false }, { severity: 'Low', unknownSeverity: 'deny', fixableOnly: true }, 'allow'],
    [{ severity: 'Unknown', possible: true }, { severity: 'Low', unknownSeverity: 'deny' }, 'allow'],
    [{ fixable: false }, { severity: 'High', fixableOnly: true }, 'allow'],
    [{ fixable: false, kev: true }, { severity: 'High', fixableOnly: true }, 'deny'],
    [{ severity: 'Low', kev: true }, {}, 'deny'],
    [{ severity: 'Low', kev: true }, { knownExploited: false }, 'allow'],
    [{ severity: 'Low', malicious: true }, {}, 'deny'],
    [{ severity: 'Low', epss: 0.5 }, { epss: 0.5 }, 'deny'],
    [{ severity: 'Low', epss: 0.49 }, { epss: 0.5 }, 'allow'],
    [{ severity: 'Low' }, { epss: 0 }, 'allow'],
    [{ firstSeen: 0 }, { severity: 'High', graceDays: 1 }, 'deny'],
    [{ firstSeen: 1 }, { severity: 'High', graceDays: 1 }, 'allow'],
    [{ firstSeen: 1, kev: true }, { severity: 'High', graceDays: 1 }, 'deny'],
    [{ possible: true, malicious: true, kev: true }, { severity: 'High' }, 'allow'],
  ])('%j under %j: %s', (more, rules, effect) => {
    expect(effectOf(found(more), [policy(rules)])).toBe(effect as never);
  });

  test('of a package whose name would move a cursor are told on one line', () => {
    const { reasons } = decide(found({ installedName: 'a\u001b[2J\r\n\u202eb\u2028c', installedVersion: '1\0' }));
    expect(reasons[0]!.message).toBe('CVE-2026-1 (High) in a [2J b c 1 ');
  });
});

describe('what is not known', () => {
  test.each<[Partial<AdmissionFacts>, Partial<AdmissionPolicy>, string]>([
    [{}, {}, 'pending'],
    [{}, { unscanned: 'allow' }, 'allow'],
    [{}, { unscanned: 'allow', waitSeconds: 5 }, 'pending'],
    [{ scan: scan([], { status: 'failed' }) }, {}, 'deny'],
    [{ scan: scan([finding()], { status: 'failed' }) }, { failed: 'allow', severity: 'High' }, 'allow'],
    [{ scan: scan([], { status: 'partial' }) }, {}, 'allow'],
    [{ scan: scan([finding()], { status: 'partial' }) }, { severity: 'High' }, 'deny'],
    [{ scan: scan([], { status: 'partial' }) }, { partial: 'deny' }, 'deny'],
    [{ scan: scan([], { status: 'unsupported' }) }, {}, 'allow'],
    [{ scan: scan([], { status: 'unsupported' }) }, { unsupported: 'deny' }, 'deny'],
    [{ kind: 'other' }, { unsupported: 'deny' }, 'deny'],
    [{ kind: 'index', children: [] }, { unsupported: 'deny' }, 'deny'],
    [{ kind: 'index', children: [], tooMany: true }, {}, 'deny'],
  ])('%j under %j: %s', (more, rules, effect) => {
    expect(effectOf(more, [policy(rules)])).toBe(effect as never);
  });

  test('of several policies the longest wait and the strictest choice count', () => {
    const lenient = policy({ name: 'a', unscanned: 'allow', waitSeconds: 20 });
    const strict = policy({ name: 'b', unscanned: 'deny', waitSeconds: 5 });
    expect(decide({}, [lenient]).pending).toEqual({ choice: 'allow', waitSeconds: 20 });
    expect(decide({}, [lenient, strict]).pending).toEqual({ choice: 'deny', waitSeconds: 20 });
  });
});

describe('a scan that never comes', () => {
  const waiting = { scanWaitsSince: 0 };
  const hour = day / 24;
  test.each<[Partial<AdmissionPolicy>, string]>([
    [{ unscanned: 'deny' }, 'deny'],
    [{ unscanned: 'allow', waitSeconds: 5 }, 'allow'],
  ])('under %j is waited for until its deadline, and then: %s', (rules, effect) => {
    const policies = [policy({ ...rules, scanDeadlineHours: 24 })];
    expect(decide(waiting, policies, [], day - 1)).toMatchObject({ effect: 'pending', validUntil: day });
    expect(decide(waiting, policies, [], day)).toMatchObject({ effect, validUntil: forever });
  });

  test('has failed in quarantine, and says since when', () => {
    const { quarantine, reasons, isHidden } = decide(waiting, [policy({ mode: 'quarantine' })], [], day);
    expect(quarantine).toEqual({ state: 'Failed', tagMode: 'hold-previous' });
    expect(reasons).toMatchObject([{ code: 'UNSCANNED', message: expect.stringContaining('more than 24 hours') }]);
    expect(isHidden).toBe(true);
    const released = decide(waiting, [policy({ mode: 'quarantine', unscanned: 'allow', waitSeconds: 1 })], [], day);
    expect(released.quarantine?.state).toBe('Passed');
  });

  test('of several policies is waited for as long as one waits, unless another one refuses', () => {
    const patient = policy({ name: 'a', unscanned: 'allow', waitSeconds: 1, scanDeadlineHours: 48 });
    const hasty = policy({ name: 'b', unscanned: 'allow', waitSeconds: 1, scanDeadlineHours: 1 });
    expect(decide(waiting, [patient, hasty], [], hour)).toMatchObject({ effect: 'pending', validUntil: 2 * day });
    const strict = { ...hasty, unscanned: 'deny' as const };
    expect(decide(waiting, [patient, strict], [], 0)).toMatchObject({ effect: 'pending', validUntil: hour });
    expect(effectOf(waiting, [patient, strict], [], hour)).toBe('deny');
  });

  test('of which nobody knows whether it was asked for is waited for', () => {
    expect(decide({}, [policy()], [], 100 * day)).toMatchObject({ effect: 'pending', validUntil: forever });
  });
});

test.each<[string, object, Partial<AdmissionPolicy>, string]>([
  ['a scan', { scannedAt: 0 }, { maxScanAgeDays: 1 }, 'SCAN_TOO_OLD'],
  ['advisories', { advisoriesAt: 0 }, { maxAdvisoryAgeHours: 24 }, 'ADVISORIES_TOO_OLD'],
  ['a distribution', { osEol: day }, { osEndOfLife: true }, 'OS_END_OF_LIFE'],
  ['a base image', { baseImageCreatedAt: 0 }, { maxBaseImageAgeDays: 1 }, 'BASE_IMAGE_TOO_OLD'],
])('%s that is too old refuses from that moment on', (_, ages, rules, code) => {
  const more = { scan: scan([], ages) };
  expect(decide(more, [policy(rules)], [], day)).toMatchObject({ effect: 'deny', reasons: [{ code }] });
  expect(decide(more, [policy(rules)], [], day - 1)).toMatchObject({ effect: 'allow', validUntil: day });
  expect(decide(more, [policy()], [], day)).toMatchObject({ effect: 'allow', validUntil: forever });
});

test('a distribution whose own team has stopped is refused only by who does not count long-term support', () => {
  const more = { scan: scan([], { osEol: 2 * day, osStandardEol: day }) };
  const strict = policy({ osEndOfLife: true, osLongTermSupport: false });
  expect(decide(more, [strict], [], day)).toMatchObject({ effect: 'deny', reasons: [{ code: 'OS_END_OF_LIFE' }] });
  expect(decide(more, [policy({ osEndOfLife: true })], [], day)).toMatchObject({
    effect: 'allow',
    validUntil: 2 * day,
  });
  expect(effectOf({ scan: scan([], { osEol: day }) }, [strict], [], day)).toBe('deny');
});

describe('an exception', () => {
  const image = found({ id: 'CVE-2026-1', aliases: ['GHSA-x'] });
  test.each<[Partial<AdmissionException>, string]>([
    [{}, 'allow'],
    [{ vulnerability: 'ghsa-X' }, 'allow'],
    [{ vulnerability: 'CVE-2026-2' }, 'deny'],
    [{ repositories: ['prod/*'] }, 'allow'],
    [{ repositories: ['prod/*', '!prod/app'] }, 'deny'],
    [{ repositories: ['dev'] }, 'deny'],
    [{ digests: [digestNumber(1)] }, 'allow'],
    [{ digests: [digestNumber(2)] }, 'deny'],
    [{ packages: ['pkg:deb/debian/openssl'] }, 'allow'],
    [{ packages: ['pkg:deb/debian/openssl@3.0.1'] }, 'allow'],
    [{ packages: ['pkg:deb/debian/openssl@3.0.2'] }, 'deny'],
    [{ packages: ['pkg:deb/debian/openssl?arch=amd64'] }, 'allow'],
    [{ packages: ['pkg:deb/debian/openssl?arch=arm64'] }, 'deny'],
    [{ packages: ['pkg:deb/debian/open'] }, 'deny'],
    [{ fixStates: ['fixed'] }, 'allow'],
    [{ fixStates: ['wont-fix'] }, 'deny'],
    [{ expiresAt: day }, 'deny'],
    [{ expiresAt: day + 1 }, 'allow'],
  ])('%j: %s', (more, effect) => {
    expect(effectOf(image, [high], [exception(more)])).toBe(effect as never);
  });

  test('counts no longer than each policy says, and not without another pair of eyes where one wants that', () => {
    const short = policy({ severity: 'High', exceptions: { maxDays: 2, fourEyes: false } });
    expect(decide(image, [short], [exception()])).toMatchObject({ effect: 'allow', validUntil: 2 * day });
    expect(effectOf(image, [short], [exception()], 2 * day)).toBe('deny');
    const four = policy({ severity: 'High', exceptions: { maxDays: 90, fourEyes: true } });
    expect(effectOf(image, [four], [exception()])).toBe('deny');
    expect(effectOf(image, [four], [exception({ approvedBy: { id: 'bob', name: 'Bob' } })])).toBe('allow');
  });

  test('for an index is one for what it lists', () => {
    const child = facts({ ...image, listedBy: [digestNumber(9)], platform: 'linux/arm64' });
    const index: Partial<AdmissionFacts> = { kind: 'index', digest: digestNumber(9), children: [child] };
    expect(decide(index)).toMatchObject({ effect: 'deny', reasons: [{ platform: 'linux/arm64' }] });
    expect(effectOf(index, [high], [exception({ digests: [digestNumber(9)] })])).toBe('allow');
  });

  test('is named with what it lets pass, and until when', () => {
    expect(decide(image, [high], [exception()]).excepted).toEqual([
      { vulnerability: 'CVE-2026-1', purl: finding().purl, exception: 'e', until: 10 * day },
    ]);
  });
});

describe('quarantine', () => {
  const held = policy({ mode: 'quarantine', severity: 'High' });
  test.each<[Partial<AdmissionFacts>, AdmissionPolicy[], string, string]>([
    [{}, [held], 'pending', 'Quarantined'],
    [{ scan: scan() }, [held], 'allow', 'Passed'],
    [found({}), [held], 'deny', 'Failed'],
    [{ ...found({}), stated: 'Passed' }, [held], 'allow', 'Passed'],
    [{ ...found({}), stated: 'Passed' }, [held, high], 'deny', 'Passed'],
    [{ scan: scan(), stated: 'Failed' }, [held], 'deny', 'Failed'],
    [{ scan: scan(), stated: 'Quarantined' }, [held], 'deny', 'Quarantined'],
    [{ scan: scan() }, [registryQuarantine], 'deny', 'Quarantined'],
    [{ stated: 'Passed' }, [registryQuarantine], 'allow', 'Passed'],
    [{ stated: 'Failed' }, [registryQuarantine], 'deny', 'Failed'],
    [{ kind: 'other' }, [registryQuarantine], 'deny', 'Quarantined'],
  ])('%j under %j: %s, %s', (more, policies, effect, state) => {
    expect(decide(more, policies)).toMatchObject({ effect: effect as never, quarantine: { state: state as never } });
  });

  test('hides, where nothing else denies', () => {
    expect(decide(found({}), [held]).isHidden).toBe(true);
    expect(decide(found({}), [held, high]).isHidden).toBe(false);
    expect(decide(found({}), [high])).toMatchObject({ isHidden: false, quarantine: undefined });
  });

  test('a tag holds what it led to only where all that hold it say so', () => {
    expect(decide(found({}), [held]).quarantine!.tagMode).toBe('hold-previous');
    expect(decide(found({}), [held, registryQuarantine]).quarantine!.tagMode).toBe('not-found');
  });
});

test('packages of an exception are read once, however many findings it is compared with', () => {
  let read = 0;
  const packages = Object.assign(['pkg:deb/debian/openssl'], {
    map<T>(each: (text: string) => T): T[] {
      read++;
      return Array.from(this as unknown as string[], each);
    },
  });
  const findings = Array.from({ length: 50 }, (_, n) => finding({ purl: `pkg:deb/debian/openssl@${n}` }));
  const decision = decide({ scan: scan(findings) }, [policy({ severity: 'High' })], [exception({ packages })]);
  expect([decision.effect, decision.excepted.length, read]).toEqual(['allow', 50, 1]);
});

import { expect, test } from 'bun:test';
import type { Catalog } from '../catalog/index.ts';
import type { Decision } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { digestNumber, facts, policy, scan } from './facts.double.ts';
import { createAdmissionGate, type Passed } from './gate.ts';
import type { AdmissionRules, RepositoryRules } from './rules.ts';
import type { Verdicts } from './verdicts.ts';

const place = { registryId: 1, repositoryId: 7, repository: 'prod/app', digest: digestNumber(1) };
const rules: RepositoryRules = {
  repository: 'prod/app',
  policies: [],
  exceptions: [],
  revision: 'r',
  enforces: true,
  quarantines: false,
  holdsPrevious: false,
  guardsBlobs: false,
  isUnderstood: true,
};
const decided = (waitSeconds: number, unscanned: 'allow' | 'deny', scanned = false) =>
  evaluate(facts(scanned ? { scan: scan() } : {}), [policy({ waitSeconds, unscanned })], [], 0);

/** A gate whose image is scanned after so many looks. */
function gateOf(waitSeconds: number, unscanned: 'allow' | 'deny', scannedAfter = Infinity) {
  const seen = { looks: 0, slept: 0, wanted: 0, passed: [] as Passed['why'][] };
  const decide = async (): Promise<Decision> => decided(waitSeconds, unscanned, seen.looks++ >= scannedAfter);
  const gate = createAdmissionGate({
    catalog: {} as Catalog,
    rules: {} as AdmissionRules,
    verdicts: { decide } as unknown as Verdicts,
    wanted: () => void seen.wanted++,
    sleep: async (ms) => void (seen.slept += ms),
  });
  const pull = {
    place,
    tag: undefined,
    puller: { has: () => false },
    passed: ({ why }: Passed) => void seen.passed.push(why),
    waits: () => {},
  };
  return { seen, admit: () => gate.admit(rules, pull) };
}

test('a pull waits for a scan for as long as the policy says, and says that it is wanted', async () => {
  const { admit, seen } = gateOf(30, 'deny', 4);
  expect(await admit()).toBeUndefined();
  expect(seen).toMatchObject({ wanted: 1, slept: 1000, passed: [] });
});

test('afterwards its choice counts', async () => {
  const denied = gateOf(2, 'deny');
  await expect(denied.admit()).rejects.toMatchObject({ code: 'DENIED' });
  expect(denied.seen.slept).toBe(2000);
  const allowed = gateOf(2, 'allow');
  expect(await allowed.admit()).toBeUndefined();
  expect(allowed.seen).toMatchObject({ slept: 2000, passed: ['pending'] });
});

test('of more than 256 pulls that wait the others do not', async () => {
  const waiting = Promise.withResolvers<void>();
  const verdicts = { decide: async () => decided(30, 'deny') } as unknown as Verdicts;
  let sleeping = 0;
  const gate = createAdmissionGate({
    catalog: {} as Catalog,
    rules: {} as AdmissionRules,
    verdicts,
    sleep: () => (sleeping++, waiting.promise),
  });
  const pull = { place, tag: undefined, puller: { has: () => false }, passed: () => {}, waits: () => {} };
  const pulls = Array.from({ length: 257 }, () => gate.admit(rules, pull).catch((error: Error) => error.message));
  expect(await Promise.race(pulls)).toContain('has not been scanned yet');
  expect(sleeping).toBe(256);
  waiting.resolve();
  await Promise.all(pulls);
});

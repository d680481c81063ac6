import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { evaluate } from './evaluate.ts';
import { digestNumber, facts, finding, policy, scan } from './facts.double.ts';
import { decisionId, denial, hidden } from './refusal.ts';
import type { RepositoryRules } from './rules.ts';

const rulesOf = (name: string) => ({ revision: 'r', policies: [policy({ name })] }) as unknown as RepositoryRules;

test('however long names are, a refusal is one line of 256 characters that says why, and ends with the decision', () => {
  const word = (length: number) => fc.integer({ min: 1, max: length }).map((n) => 'a'.repeat(n));
  fc.assert(
    fc.property(
      word(255),
      fc.option(word(128), { nil: undefined }),
      word(64),
      word(64),
      (repository, tag, name, os) => {
        const place = { registryId: 1, repositoryId: 7, repository, digest: digestNumber(1) };
        const image = facts({ platform: `${os}/amd64`, scan: scan([finding({ installedVersion: '1'.repeat(200) })]) });
        const rules = rulesOf(name);
        const decision = evaluate(image, [policy({ name, severity: 'High' })], [], 0);
        for (const refuse of [denial, hidden]) {
          const { message } = refuse(place, tag, rules, decision);
          expect(message.length).toBeLessThanOrEqual(256);
          expect(message).toEndWith(` [${decisionId(place, 'r')}]`);
          expect(message).toContain(JSON.stringify(name));
        }
      },
    ),
  );
});

test('a name as long as those of people is named whole, and so is the reason', () => {
  const place = {
    registryId: 1,
    repositoryId: 7,
    repository: `prod/${'team/'.repeat(12)}app`,
    digest: digestNumber(1),
  };
  const decision = evaluate(facts({ scan: scan([finding()]) }), [policy({ severity: 'High' })], [], 0);
  const { message } = denial(place, 'v1.2.3', rulesOf('p'), decision);
  expect(message).toStartWith(`${place.repository}:v1.2.3 (sha256:`);
  expect(message).toContain('CVE-2026-1 (High) in openssl 3.0.1');
});

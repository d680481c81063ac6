import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { apiVersion, hostOfImage, providerResponse, readProviderRequest } from './protocol.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 500);

test.each([
  ['registry.example.com/team/app:v1', 'registry.example.com'],
  ['Registry.Example.com:5000/app@sha256:abc', 'registry.example.com:5000'],
  ['localhost/app', 'localhost'],
  ['[::1]:5000/app', '[::1]:5000'],
])('%s is of %s', (image, host) => expect(hostOfImage(image)).toBe(host));

test('whatever the kubelet writes, it is a request or a sentence, which quotes nothing of it', () => {
  const field = fc.oneof(
    fc.string(),
    fc.constant(apiVersion),
    fc.constant('CredentialProviderRequest'),
    fc.jsonValue(),
  );
  const request = fc.record(
    { apiVersion: field, kind: field, image: field, serviceAccountToken: field, serviceAccountAnnotations: field },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        request.map((value) => JSON.stringify(value)),
      ),
      (text) => {
        try {
          const { image, serviceAccountToken } = readProviderRequest(text);
          expect([typeof image, ['string', 'undefined'].includes(typeof serviceAccountToken)]).toEqual([
            'string',
            true,
          ]);
        } catch (error) {
          expect((error as Error).message).toMatch(
            /^standard input is no (?:JSON; the kubelet writes|CredentialProviderReq)/,
          );
        }
      },
    ),
    { numRuns },
  );
});

test('a duration is one that Go reads, and never negative', () => {
  const pair = { username: 'a', password: 'b' };
  const durationOf = (ms: number) =>
    (JSON.parse(providerResponse('h', pair, ms)) as Record<string, unknown>)['cacheDuration'];
  expect([0, 999, 1000, 3_599_999].map(durationOf)).toEqual(['0s', '0s', '1s', '3599s']);
});

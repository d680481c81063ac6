import { expect, test } from 'bun:test';
import { checkClaims } from './claims.ts';

const now = 1_800_000_000;
const expected = { issuer: 'us', audience: 'registry.example', nowMs: now * 1000, maxLifetimeSeconds: 600 };
const claims = { iss: 'us', aud: 'registry.example', iat: now, nbf: now, exp: now + 300 };

test.each<[string, Record<string, unknown>, ReturnType<typeof checkClaims>]>([
  ['all is as it must be', {}, undefined],
  ['nbf may be left out', { nbf: undefined }, undefined],
  ['another issuer', { iss: 'them' }, 'issuer'],
  ['no issuer', { iss: undefined }, 'issuer'],
  ['another audience', { aud: 'registry.example.org' }, 'audience'],
  ['a list of audiences', { aud: ['registry.example'] }, 'audience'],
  ['no audience', { aud: undefined }, 'audience'],
  ['no iat', { iat: undefined, nbf: now }, 'times'],
  ['no exp', { exp: undefined }, 'times'],
  ['times that are text', { exp: `${now + 300}` }, 'times'],
  ['times with fractions', { iat: now + 0.5, nbf: now }, 'times'],
  ['times that no number holds', { exp: 1e300 }, 'times'],
  ['an end before the beginning', { exp: now - 1 }, 'times'],
  ['the longest life', { exp: now + 600 }, undefined],
  ['a longer life', { exp: now + 601 }, 'lifetime'],
  ['expired, within what clocks differ', { iat: now - 300, nbf: now - 300, exp: now - 29 }, undefined],
  ['expired', { iat: now - 300, nbf: now - 300, exp: now - 30 }, 'expired'],
  ['made in the future, within what clocks differ', { iat: now + 30, nbf: now + 30 }, undefined],
  ['made in the future', { iat: now + 31, nbf: now }, 'early'],
  ['not yet valid', { nbf: now + 31 }, 'early'],
])('%s', (_, changes, refusal) => {
  expect(checkClaims({ ...claims, ...changes }, expected)).toBe(refusal);
});

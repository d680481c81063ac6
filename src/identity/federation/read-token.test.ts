import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { checkClaims } from './check-claims.ts';
import { readToken } from './read-token.ts';
import { Refusal } from './refusal.ts';
import { trustedIssuerSchema } from './trusted-issuer.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const encode = (text: string | Uint8Array) => Buffer.from(text).toString('base64url');

/** Values that somebody may put where another is expected. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', 'a', [], {}, [[]], '\u0000', 1.5, 1_800_000_000),
  fc.jsonValue({ maxDepth: 3 }),
);

const alg = fc.oneof(fc.constant<unknown>('RS256'), odd);
const header = fc.record({ alg, kid: odd, typ: odd, cty: odd, crit: odd, jwk: odd }, { requiredKeys: [] });
const claims = fc.record({ iss: odd, sub: odd, aud: odd, exp: odd, iat: odd, nbf: odd }, { requiredKeys: [] });
const issuer = trustedIssuerSchema.parse({ name: 'a', issuer: 'https://a.test', audiences: ['a'] });

test('whatever is in a token, it is read or refused', () => {
  let read = 0;
  fc.assert(
    fc.property(header, claims, fc.string(), (head, payload, signature) => {
      try {
        const token = readToken(
          `${encode(JSON.stringify(head))}.${encode(JSON.stringify(payload))}.${encode(signature)}`,
        );
        read++;
        expect(JSON.stringify(token.claims)).toBe(JSON.stringify(payload));
        expect(checkClaims(token.claims, issuer, 1_800_000_000_000)).toBeNumber();
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns, examples: [[{ alg: 'RS256' }, { iss: 'a' }, 'signature']] },
  );
  expect(read).toBeGreaterThan(0);
});

test('whatever bytes are sent instead, they are refused', () => {
  const part = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 40 }).map(encode), fc.json().map(encode));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      try {
        expect(typeof readToken(parts.join('.')).alg).toBe('string');
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal);
      }
    }),
    { numRuns },
  );
});

test('a token that was cut off, or has a character more, is another one', () => {
  const token = `${encode('{"alg":"RS256"}')}.${encode('{"iss":"a"}')}.${encode('signature')}`;
  expect(readToken(token).claims).toEqual({ iss: 'a' });
  // The last character of the claims has bits that count for nothing.
  const [head, payload, signature] = token.split('.') as [string, string, string];
  const spare = encode('{"iss":"ab"}');
  const other = `${spare.slice(0, -1)}${String.fromCharCode(spare.charCodeAt(spare.length - 1) + 1)}`;
  for (const changed of [`${payload}=`, `${payload}A`, ` ${payload}`, spare.length % 4 === 0 ? `${spare}A` : other]) {
    expect(() => readToken(`${head}.${changed}.${signature}`)).toThrow(Refusal);
  }
});

import { expect, test } from 'bun:test';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { createOutbound } from '../../outbound/index.ts';
import { createLog } from '../../telemetry/index.ts';
import { createFederation } from './federation.ts';
import { openProvider } from './provider.double.ts';
import { trustedIssuerSchema } from './trusted-issuer.ts';

const audience = 'https://registry.test';
const log = createLog({ level: 'silent', format: 'json' }, false, () => {});

async function privateKey(kid: string): Promise<JWK> {
  const pair = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(pair.privateKey)), kid, alg: 'RS256', use: 'sig' };
}

test('a real provider: a client gets a token for itself, the keys are replaced, and the provider goes away', async () => {
  let later = 0;
  const now = () => Date.now() + later;
  const federation = createFederation({ outbound: createOutbound({ allow: ['localhost'] }), now, log });
  const [first, second] = [await privateKey('first'), await privateKey('second')];

  const provider = await openProvider(0, audience, [first]);
  const { issuer, port } = provider;
  const trusted = trustedIssuerSchema.parse({ name: 'provider', issuer, audiences: [audience] });
  const outcome = async (token: string, one = trusted) => {
    const result = await federation.verify(token, [one]);
    return result.ok ? result.subject : result.reason;
  };

  const old = await provider.token();
  expect(await outcome(old)).toBe('builder');
  const elsewhere = trustedIssuerSchema.parse({ ...trusted, audiences: ['https://other.test'] });
  expect(await outcome(old, elsewhere)).toBe('wrong_audience');
  await provider[Symbol.asyncDispose]();

  // The new key first, as it signs; the old one is published still.
  const rotated = await openProvider(port, audience, [second, first]);
  const young = await rotated.token();
  later = 31_000;
  expect([await outcome(young), await outcome(old)]).toEqual(['builder', 'builder']);
  await rotated[Symbol.asyncDispose]();

  // Away: what is known goes on.
  expect([await outcome(young), await outcome(old)]).toEqual(['builder', 'builder']);
  const strict = createFederation({ outbound: createOutbound({ allow: [] }), now, log });
  const refused = await strict.verify(young, [trusted]);
  expect(refused.ok ? '' : refused.reason).toBe('issuer_invalid');

  const last = await openProvider(port, audience, [second]);
  later = 2 * 3_600_000;
  expect([await outcome(young), await outcome(old)]).toEqual(['builder', 'unknown_key']);
  await last[Symbol.asyncDispose]();
});

import type { FederatedCredential } from '../directory.ts';
import { type Claims, claimTexts, isOpen, matchesText } from '../federation/index.ts';
import type { TokenReport } from './test-token-contract.ts';

type Comparison = Omit<TokenReport['credentials'][number], 'chosen'>;

const mostValues = 20;
const longestValue = 256;

/** Whether a token's claims are those that a federated credential means, and what of them is not. */
export function compareCredential(
  credential: FederatedCredential,
  claims: Claims,
  issuer: { audiences: readonly string[] },
): Comparison {
  const { id, identity, subject, claims: wanted } = credential;
  const audiences = credential.audiences.filter((audience) => issuer.audiences.includes(audience));
  const patterns = [...(subject === undefined ? [] : [['sub', subject] as const]), ...Object.entries(wanted)];
  const compared = [
    compare(claims, 'aud', audiences),
    ...patterns.map(([claim, pattern]) => compare(claims, claim, [pattern], matchesText)),
  ];
  const saysSomething = subject === undefined ? patterns.some(([, pattern]) => !isOpen(pattern)) : !isOpen(subject);
  const failing = compared.find(({ matches }) => !matches);
  const matches = failing === undefined && saysSomething;
  return { id, identity: identity.name, matches, message: sentence(failing, saysSomething), compared };
}

function compare(
  claims: Claims,
  claim: string,
  patterns: readonly string[],
  fits: (pattern: string, value: string) => boolean = (pattern, value) => pattern === value,
): Comparison['compared'][number] {
  const all = claimTexts(claims, claim);
  const matches = all.some((value) => patterns.some((pattern) => fits(pattern, value)));
  const values = all.slice(0, mostValues).map((value) => value.slice(0, longestValue));
  return { claim, pattern: patterns.join(' or '), values, matches };
}

function sentence(failing: Comparison['compared'][number] | undefined, saysSomething: boolean): string {
  if (!saysSomething) return 'it says nothing of whom it means, and so means nobody';
  if (!failing) return 'everything that it asks for is so';
  const { claim, pattern, values } = failing;
  const has = values.length === 0 ? 'the token has no such claim' : `the token has ${values.join(', ')}`;
  return `${claim} must be ${pattern}; ${has}`;
}

import { textFlag, yesNoFlag } from '../flags.ts';
import { wordsFlag } from '../words.ts';
import { readKeySet } from './key-set.ts';

/** What a trusted issuer has beside what its preset knows. */
export interface IssuerSettings {
  audience?: (readonly string[])[];
  discovery?: string;
  jwksUri?: string;
  jwksFile?: string;
  subjectClaim?: string;
  groupsClaim?: string;
  clockSkew?: number;
  maxTokenLifetime?: number;
  enabled?: boolean;
}

const seconds = { kind: 'parsed', parse: wholeNumber, optional: true, placeholder: 'seconds' } as const;

export const settingFlags = {
  audience: { ...wordsFlag, placeholder: 'aud…', brief: 'Audiences of which a token must have one' },
  discovery: { ...textFlag, placeholder: 'url', brief: 'Its discovery document, where it is not below the issuer' },
  jwksUri: { ...textFlag, placeholder: 'url', brief: 'Its keys, where it has no discovery document' },
  jwksFile: { ...textFlag, placeholder: 'file', brief: 'File with its keys, where the server cannot reach it' },
  subjectClaim: { ...textFlag, placeholder: 'claim', brief: 'Claim that says who somebody is' },
  groupsClaim: { ...textFlag, placeholder: 'claim', brief: 'Claim with the groups' },
  clockSkew: { ...seconds, brief: 'By how much its clock may differ (default 60)' },
  maxTokenLifetime: { ...seconds, brief: 'Longest life of its tokens (default 86400, or that of the preset)' },
  enabled: { ...yesNoFlag, brief: 'Whether its tokens are accepted' },
} as const;

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new Error('it is a whole number of seconds');
}

/** The properties that were given, without the audiences. */
export async function settingsOf(flags: IssuerSettings) {
  const { discovery, jwksUri, jwksFile, subjectClaim, groupsClaim, clockSkew, maxTokenLifetime, enabled } = flags;
  return {
    ...(discovery !== undefined && { discovery }),
    ...(jwksUri !== undefined && { jwksUri }),
    ...(jwksFile !== undefined && { jwks: await readKeySet(jwksFile) }),
    ...(subjectClaim !== undefined && { subjectClaim }),
    ...(groupsClaim !== undefined && { groupsClaim }),
    ...(clockSkew !== undefined && { clockSkewSeconds: clockSkew }),
    ...(maxTokenLifetime !== undefined && { maxTokenLifetimeSeconds: maxTokenLifetime }),
    ...(enabled !== undefined && { enabled }),
  };
}

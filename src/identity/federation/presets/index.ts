import { claimTexts } from '../claim-value.ts';
import type { ClaimPattern } from '../match-pattern.ts';
import type { Claims } from '../read-token.ts';
import { aws } from './aws.ts';
import { entra } from './entra.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { google } from './google.ts';
import { kubernetes } from './kubernetes.ts';
import { oidc } from './oidc.ts';
import type { IdentityDescription, IssuerDefaults, PatternFinding, Preset } from './preset.ts';

export type { IdentityDescription, IssuerDefaults, PatternFinding, Preset } from './preset.ts';

export const presetNames = ['entra', 'kubernetes', 'github', 'gitlab', 'google', 'aws', 'oidc'] as const;

export type PresetName = (typeof presetNames)[number];

const presets: Record<PresetName, Preset> = { entra, kubernetes, github, gitlab, google, aws, oidc };

const longestName = 256;

export function presetOf(name: PresetName): Preset {
  return presets[name];
}

/**
 * Settings of an issuer from the parameters of its preset. Throws Error with a sentence for people where one is missing,
 * unknown or not as it must be.
 */
export function issuerDefaults(name: PresetName, given: Readonly<Record<string, string>>): IssuerDefaults {
  const { parameters, defaults } = presets[name];
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(parameters, key));
  if (unknown !== undefined) throw new Error(`the preset ${name} has no parameter ${unknown}`);
  const values: Record<string, string> = {};
  for (const [key, parameter] of Object.entries(parameters)) {
    const value = given[key] ?? parameter.default;
    if (value === undefined && parameter.optional) continue;
    if (value === undefined) throw new Error(`the preset ${name} needs ${key}: ${parameter.description}`);
    if (!parameter.pattern.test(value))
      throw new Error(`the preset ${name} cannot have this ${key}: ${parameter.description}`);
    values[key] = value;
  }
  return defaults(values);
}

/** Who somebody is, for people: for lists, explanations and the audit. Takes verified claims. */
export function describeIdentity(name: PresetName, claims: Claims): IdentityDescription {
  const { describe, subjectClaim } = presets[name];
  const described = describe(claims);
  const [subject = ''] = claimTexts(claims, subjectClaim);
  // Nothing in it may begin a line, colour one or turn its direction.
  return { ...described, subject, name: described.name.replaceAll(/[\p{Cc}\p{Cf}]/gu, '?').slice(0, longestName) };
}

/** What is dangerous about a pattern for tokens of such an issuer; the worst first. */
export function reviewPattern(name: PresetName, pattern: ClaimPattern): PatternFinding[] {
  const findings = presets[name].review(pattern);
  const subject = pattern.subject ?? pattern.claims?.['sub'];
  if (subject?.startsWith('*')) {
    findings.push({ severity: 'high', why: 'the subject begins with *: who chooses its end chooses to fit' });
  }
  const order = ['high', 'medium', 'low'];
  return findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

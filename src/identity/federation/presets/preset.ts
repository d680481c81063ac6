import type { ClaimPattern } from '../match-pattern.ts';
import type { Claims } from '../read-token.ts';

/** What somebody is, in the words of whoever issued the token. */
export type IdentityKind =
  | 'user'
  | 'service principal'
  | 'managed identity'
  | 'service account'
  | 'workflow'
  | 'job'
  | 'virtual machine'
  | 'role'
  | 'identity';

export interface Description {
  /** For people. Never a key: names may be given to others later. */
  name: string;
  kind: IdentityKind;
}

export interface IdentityDescription extends Description {
  /** What stays the same of it, and is nobody else's at its issuer; empty where the claims do not say. */
  subject: string;
}

/** A value that an issuer's settings are made with. */
export interface Parameter {
  description: string;
  /** What it must look like as a whole. */
  pattern: RegExp;
  default?: string;
  /** May be left out. */
  optional?: boolean;
}

/** Settings of a trusted issuer that a preset knows. */
export interface IssuerDefaults {
  issuer: string;
  /** Empty where the operator must choose. */
  audiences: string[];
  maxTokenLifetimeSeconds?: number;
}

/** Advice on a claim that a pattern may name. */
export interface ClaimAdvice {
  /** As patterns name it. */
  claim: string;
  description: string;
  /** Whether it stays with the same one, or may be given to another later or be chosen by the caller. */
  trust: 'stable' | 'reusable' | 'chosen';
}

export interface PatternFinding {
  severity: 'high' | 'medium' | 'low';
  why: string;
}

/** What is known of the tokens of one kind of issuer. Pure. */
export interface Preset {
  title: string;
  parameters: Readonly<Record<string, Parameter>>;
  /** From parameters that are as they must be. */
  defaults(parameters: Readonly<Record<string, string>>): IssuerDefaults;
  subjectClaim: string;
  groupsClaim: string;
  /** Whether the token says that it does not name all groups. */
  lacksGroups(claims: Claims): boolean;
  describe(claims: Claims): Description;
  claims: readonly ClaimAdvice[];
  /** What is dangerous about a pattern, beside what is so for all issuers. */
  review(pattern: ClaimPattern): PatternFinding[];
}

/** What a pattern says for sure of a claim, before its first `*`; empty where it says nothing. */
export function pinnedPart(pattern: ClaimPattern, claim: string): string {
  const text = claim === 'sub' ? (pattern.subject ?? pattern.claims?.['sub']) : pattern.claims?.[claim];
  return text?.split('*')[0] ?? '';
}

/** Whether a pattern names one value of a claim. */
export function isExact(pattern: ClaimPattern, claim: string): boolean {
  const text = claim === 'sub' ? (pattern.subject ?? pattern.claims?.['sub']) : pattern.claims?.[claim];
  return text !== undefined && !text.includes('*');
}

export const anyUrl: Parameter = {
  description: 'The issuer, exactly as tokens have it in `iss`: an https URL.',
  pattern: /^https:\/\/[^\s@#?]{1,500}$/,
};

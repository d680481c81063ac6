export { claimTexts, claimValue } from './claim-value.ts';
export {
  createFederation,
  type Federation,
  type FederationOptions,
  type RefusedToken,
  type VerifiedToken,
} from './federation.ts';
export { type ClaimPattern, claimPatternSchema, isOpen, matchesPattern, matchesText } from './match-pattern.ts';
export {
  type ClaimAdvice,
  describeIdentity,
  type IdentityDescription,
  type IdentityKind,
  type IssuerDefaults,
  issuerDefaults,
  type Parameter,
  type PatternFinding,
  type Preset,
  type PresetName,
  presetNames,
  presetOf,
  reviewPattern,
} from './presets/index.ts';
export { type Claims, claimsUnverified } from './read-token.ts';
export { type RefusalReason, refusals } from './refusal.ts';
export {
  type TrustedIssuer,
  type TrustedIssuerInput,
  trustedIssuerProperties,
  trustedIssuerSchema,
} from './trusted-issuer.ts';

export { claimTexts } from './claim-value.ts';
export { createFederation, type Federation, type RefusedToken, type VerifiedToken } from './federation.ts';
export { claimPatternSchema, isOpen, matchesPattern, matchesText } from './match-pattern.ts';
export {
  describeIdentity,
  type IssuerDefaults,
  issuerDefaults,
  type PresetName,
  presetNames,
  presetOf,
  reviewPattern,
} from './presets/index.ts';
export { type Claims, claimsUnverified } from './read-token.ts';
export { type RefusalReason, refusals } from './refusal.ts';
export { type TrustedIssuer, trustedIssuerProperties, trustMark } from './trusted-issuer.ts';

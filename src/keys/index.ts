export { keyChecks } from './checks.ts';
export { checkClaims, type ClaimRefusal, clockSkewSeconds, type ExpectedClaims } from './claims.ts';
export { keysConfig } from './config.ts';
export type { EcKey, JwksEntry, PublicJwk } from './ec-key.ts';
export {
  type Claims,
  type JwsRefusal,
  type JwsResult,
  maxKidLength,
  maxTokenLength,
  type Signer,
  signerOf,
  signJws,
  type Verifier,
  verifierOf,
  verifyJws,
} from './jws.ts';
export type { Jwks } from './key-set.ts';
export { equalBytes, keyIntervals, type Keys, type KeysOptions, openKeys } from './keys.ts';
export { ensureOperatorKey, readOperatorKey } from './operator-key.ts';
export {
  loadOperatorVerifier,
  maxOperatorTokenMs,
  operatorIssuer,
  type OperatorResult,
  operatorSubject,
  type OperatorTokenOptions,
  operatorTokenType,
  type OperatorVerifier,
  signOperatorToken,
} from './operator-token.ts';
export type { Replacement, Rotated } from './rotate.ts';
export { keyMigrations } from './tables.ts';

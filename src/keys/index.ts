export { keyChecks } from './checks.ts';
export { type ClaimRefusal, type ExpectedClaims } from './claims.ts';
export { keysConfig } from './config.ts';
export type { EcKey, JwksEntry, PublicJwk } from './ec-key.ts';
export {
  type Claims,
  type JwsRefusal,
  type JwsResult,
  maxTokenLength,
  type Signer,
  signerOf,
  signJws,
  type Verifier,
} from './jws.ts';
export type { Jwks } from './key-set.ts';
export { equalBytes, keyIntervals, type Keys, type KeysOptions, openKeys } from './keys.ts';
export { ensureOperatorKey, readOperatorKey } from './operator-key.ts';
export {
  loadOperatorVerifier,
  operatorIssuer,
  type OperatorResult,
  type OperatorTokenOptions,
  type OperatorVerifier,
  signOperatorToken,
} from './operator-token.ts';
export type { Replacement, Rotated } from './rotate.ts';
export { keyMigrations } from './tables.ts';

import type { Claims } from './jws.ts';

/** How far the clocks of those who sign and verify may differ (s). */
export const clockSkewSeconds = 30;

export interface ExpectedClaims {
  issuer: string;
  audience: string;
  /** Time of the check (ms). */
  nowMs: number;
  /** Longest time from `iat` to `exp` (s). */
  maxLifetimeSeconds: number;
}

/** Which claim is not as it must be; `lifetime` is longer than allowed, `expired` and `early` are about now. */
export type ClaimRefusal = 'issuer' | 'audience' | 'times' | 'lifetime' | 'expired' | 'early';

/**
 * What is wrong with the claims of a token that our own key signed (RFC 7519 §4.1); undefined where nothing is. One audience
 * as a string, and `iat` and `exp` are required.
 */
export function checkClaims(claims: Claims, expected: ExpectedClaims): ClaimRefusal | undefined {
  const { iss, aud, iat, exp, nbf = iat } = claims;
  if (iss !== expected.issuer) return 'issuer';
  if (aud !== expected.audience) return 'audience';
  if (!isTime(iat) || !isTime(exp) || !isTime(nbf) || exp < iat) return 'times';
  if (exp - iat > expected.maxLifetimeSeconds) return 'lifetime';
  const now = expected.nowMs / 1000;
  if (exp <= now - clockSkewSeconds) return 'expired';
  return iat > now + clockSkewSeconds || nbf > now + clockSkewSeconds ? 'early' : undefined;
}

/** Seconds since 1970 that a number holds exactly. */
function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

import type { Claims } from './read-token.ts';
import { Refusal } from './refusal.ts';
import type { TrustedIssuer } from './trusted-issuer.ts';

/** Times of a token (s since 1970). Beyond the year 5138 it is milliseconds, or nonsense. */
const latest = 1e11;
/**
 * Issuers have tokens begin early, so that clocks which are behind take them, and that is no longer life (s): those of Entra
 * for managed identities and applications live for 86,700 seconds.
 */
const earlySeconds = 600;
const mostAudiences = 100;

/** `aud` (RFC 7519, 4.1.3); undefined where it is malformed or missing. */
export function audiencesOf({ aud }: Claims): readonly string[] | undefined {
  const list: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (list.length === 0 || list.length > mostAudiences) return undefined;
  return list.every((one) => typeof one === 'string') ? list : undefined;
}

/**
 * Checks what a token says of itself (RFC 7519, 4.1; RFC 8725, 3.8 to 3.9): audience and times, `now` in ms. Returns when
 * it expires (ms). Throws Refusal.
 */
export function checkClaims(claims: Claims, issuer: TrustedIssuer, now: number): number {
  const audiences = audiencesOf(claims);
  if (!audiences) throw new Refusal('missing_claim');
  if (!audiences.some((one) => issuer.audiences.includes(one))) throw new Refusal('wrong_audience');
  const issuedAt = timeOf(claims, 'iat');
  const expiresAt = timeOf(claims, 'exp');
  if (issuedAt === undefined || expiresAt === undefined) throw new Refusal('missing_claim');
  const notBefore = timeOf(claims, 'nbf');
  const seconds = now / 1000;
  const skew = issuer.clockSkewSeconds;
  if (expiresAt + skew <= seconds) throw new Refusal('expired');
  if (notBefore !== undefined && notBefore - skew > seconds) throw new Refusal('not_yet_valid');
  if (issuedAt - skew > seconds) throw new Refusal('issued_in_future');
  if (expiresAt <= issuedAt) throw new Refusal('malformed');
  if (expiresAt - issuedAt > issuer.maxTokenLifetimeSeconds + Math.max(skew, earlySeconds))
    throw new Refusal('lifetime_too_long');
  return expiresAt * 1000;
}

function timeOf(claims: Claims, name: 'iat' | 'nbf' | 'exp'): number | undefined {
  const value = claims[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !(value >= 0 && value < latest)) throw new Refusal('malformed');
  return value;
}

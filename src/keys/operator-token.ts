import { randomUUID } from 'node:crypto';
import { checkClaims, type ClaimRefusal } from './claims.ts';
import type { EcKey } from './ec-key.ts';
import { type Claims, type JwsRefusal, signerOf, signJws, verifierOf, verifyJws } from './jws.ts';
import { readOperatorKey } from './operator-key.ts';

export const operatorIssuer = 'urn:bonded:operator';
export const operatorSubject = 'operator';
/** Keeps these tokens apart from all others (RFC 8725 §3.11). */
export const operatorTokenType = 'bonded-operator+jwt';
/** Longest life (ms). It is exchanged for another one at once. */
export const maxOperatorTokenMs = 600_000;

export interface OperatorTokenOptions {
  /** Which server it is for, as that one names itself. */
  audience: string;
  /** Life (ms), from 1 s to `maxOperatorTokenMs`. */
  ttlMs?: number;
  now?: () => number;
}

/** A token that says that its bearer can read the data directory. Throws a RangeError where the life is out of bounds. */
export function signOperatorToken(
  key: EcKey,
  { audience, ttlMs = 60_000, now = Date.now }: OperatorTokenOptions,
): string {
  if (!(ttlMs >= 1000 && ttlMs <= maxOperatorTokenMs))
    throw new RangeError(`a token of the operator lives from 1 s to ${maxOperatorTokenMs / 60_000} minutes`);
  const iat = Math.floor(now() / 1000);
  const exp = iat + Math.floor(ttlMs / 1000);
  const claims = { iss: operatorIssuer, sub: operatorSubject, aud: audience, iat, nbf: iat, exp, jti: randomUUID() };
  return signJws(signerOf(key.kid, key.privateKey), claims, operatorTokenType);
}

export type OperatorResult =
  | { readonly ok: true; readonly claims: Claims & { jti: string } }
  | { readonly ok: false; readonly reason: JwsRefusal | ClaimRefusal | 'subject' | 'id' };

export interface OperatorVerifier {
  /** Whether the operator signed this for `audience`, and it is still alive at `nowMs`. Whether it was used before is not known. */
  verify(token: string, expected: { audience: string; nowMs: number }): OperatorResult;
}

/** Reads the key once; throws as `readOperatorKey` does. */
export async function loadOperatorVerifier(dataDirectory: string): Promise<OperatorVerifier> {
  const { kid: ours, publicKey } = await readOperatorKey(dataDirectory);
  const key = verifierOf(publicKey);
  return {
    verify(token, { audience, nowMs }) {
      const result = verifyJws(token, (kid) => (kid === ours ? key : undefined), { typ: operatorTokenType });
      if (!result.ok) return result;
      const { claims } = result;
      const expected = { issuer: operatorIssuer, audience, nowMs, maxLifetimeSeconds: maxOperatorTokenMs / 1000 };
      const reason = checkClaims(claims, expected);
      if (reason) return { ok: false, reason };
      if (claims['sub'] !== operatorSubject) return { ok: false, reason: 'subject' };
      const { jti } = claims;
      if (typeof jti !== 'string' || jti === '' || jti.length > 128) return { ok: false, reason: 'id' };
      return { ok: true, claims: { ...claims, jti } };
    },
  };
}

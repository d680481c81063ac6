import type { CryptoKey, JWK } from 'jose';
import type { SignatureAlgorithm } from './trusted-issuer.ts';

/** Of one issuer. Entra, the one with the most, has about ten. */
const mostKeys = 100;
/** Of a token without `kid`: how many keys of its kind are tried. */
const mostTried = 4;

/** Public keys of an issuer. */
export interface KeySet {
  size: number;
  /** Those that may have made a signature, by algorithm and name; few. */
  find(alg: SignatureAlgorithm, kid: string | undefined): readonly PublicKey[];
}

export interface PublicKey {
  /** For verification by this one algorithm. Rejects where the key is malformed. */
  load(alg: SignatureAlgorithm): Promise<CryptoKey>;
}

interface Entry extends PublicKey {
  jwk: JWK;
}

/** Key type, and curve, that an algorithm needs (RFC 7518, 3.1; RFC 8037, 3.1). */
const needs: Record<SignatureAlgorithm, readonly [kty: string, crv?: string]> = {
  RS256: ['RSA'],
  RS384: ['RSA'],
  RS512: ['RSA'],
  PS256: ['RSA'],
  PS384: ['RSA'],
  PS512: ['RSA'],
  ES256: ['EC', 'P-256'],
  ES384: ['EC', 'P-384'],
  ES512: ['EC', 'P-521'],
  EdDSA: ['OKP', 'Ed25519'],
  Ed25519: ['OKP', 'Ed25519'],
};

/**
 * Reads a JWK set (RFC 7517, 5). Keys of kinds that we do not use are passed over, as are symmetric and weak ones; a set
 * without any is an error, and so is one with too many. Throws Error, for the log.
 */
export function keySetOf(value: unknown): KeySet {
  const keys = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('the key set has no list of keys');
  if (keys.length > mostKeys) throw new Error(`the key set has more than ${mostKeys} keys`);
  const entries = keys.filter(isUsable).map((jwk): Entry => ({ jwk, load: loaderOf(jwk) }));
  if (entries.length === 0) throw new Error('the key set has no key that can verify a signature');

  return {
    size: entries.length,
    find(alg, kid) {
      const fitting = entries.filter(({ jwk }) => fits(jwk, alg) && (kid === undefined || jwk.kid === kid));
      return fitting.slice(0, mostTried);
    },
  };
}

function isUsable(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, kid, use, key_ops: operations, d, n, e } = key as Record<string, unknown>;
  // Whoever publishes a private key has lost it.
  if (d !== undefined || (kid !== undefined && typeof kid !== 'string')) return false;
  if (use !== undefined && use !== 'sig') return false;
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return false;
  if (kty !== 'RSA') return kty === 'EC' || kty === 'OKP';
  if (typeof n !== 'string' || typeof e !== 'string') return false;
  // 2,048 to 8,192 bits (RFC 7518, 3.3), and exponents of up to 32 bits: larger ones cost time.
  const bytes = Buffer.from(n, 'base64url').length;
  return bytes >= 256 && bytes <= 1024 && e.length <= 6;
}

function fits({ kty, crv, alg: own }: JWK, alg: SignatureAlgorithm): boolean {
  const [neededType, neededCurve] = needs[alg];
  if (kty !== neededType || (neededCurve !== undefined && crv !== neededCurve)) return false;
  const sameCurve = neededCurve === 'Ed25519' && (own === 'EdDSA' || own === 'Ed25519');
  return own === undefined || own === alg || sameCurve;
}

function loaderOf(jwk: JWK): PublicKey['load'] {
  const loaded = new Map<SignatureAlgorithm, Promise<CryptoKey>>();
  return (alg) => {
    const { kty, crv, n, e, x, y } = jwk as Record<string, string>;
    const publicPart = JSON.parse(JSON.stringify({ kty, crv, n, e, x, y })) as JWK;
    const key = loaded.get(alg) ?? importKey(publicPart, alg);
    loaded.set(alg, key);
    return key;
  };
}

async function importKey(jwk: JWK, alg: SignatureAlgorithm): Promise<CryptoKey> {
  const { importJWK } = await import('jose');
  return (await importJWK(jwk, alg)) as CryptoKey;
}

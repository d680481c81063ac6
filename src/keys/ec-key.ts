import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A public key of P-256 (RFC 7518 §6.2.1). */
export interface PublicJwk {
  kty: 'EC';
  crv: 'P-256';
  x: string;
  y: string;
}

/** An entry of a JWKS (RFC 7517 §4): what a reader needs to verify with, and no more. */
export interface JwksEntry extends PublicJwk {
  use: 'sig';
  alg: 'ES256';
  kid: string;
}

/** A key pair for ES256. `kid` is the thumbprint of the public key (RFC 7638), so that it names that key and no other. */
export interface EcKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
  publicJwk: PublicJwk;
}

export function makeEcKey(): EcKey {
  return ecKeyOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** The pair of a private key. Throws an Error where it is none of P-256. */
export function ecKeyOf(privateKey: KeyObject): EcKey {
  const publicKey = createPublicKey(privateKey);
  const { kty, crv, x, y } = publicKey.export({ format: 'jwk' });
  if (kty !== 'EC' || crv !== 'P-256' || x === undefined || y === undefined) throw new Error('not a key of P-256');
  const publicJwk: PublicJwk = { kty, crv, x, y };
  return { kid: thumbprint(publicJwk), privateKey, publicKey, publicJwk };
}

/** The pair of a private key in PKCS #8 (DER). */
export function ecKeyFromBytes(bytes: Buffer): EcKey {
  return ecKeyOf(createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }));
}

/** PKCS #8 (DER). */
export function bytesOfEcKey({ privateKey }: EcKey): Buffer {
  return privateKey.export({ format: 'der', type: 'pkcs8' });
}

export function jwksEntryOf({ kid, publicJwk: { kty, crv, x, y } }: EcKey): JwksEntry {
  return { use: 'sig', alg: 'ES256', kid, kty, crv, x, y };
}

/** RFC 7638 §3: the required members in the order of their names. */
function thumbprint({ crv, kty, x, y }: PublicJwk): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

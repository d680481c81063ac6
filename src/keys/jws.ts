import { type KeyObject, sign, verify } from 'node:crypto';
import { decodeBase64url, decodeJson, encodeJson } from './base64url.ts';

/*
 * Compact JWS (RFC 7515 §7.1) with the one algorithm that we issue, ES256 (RFC 7518 §3.4), on node:crypto. Tokens of other
 * issuers are not read here. The rules are those of RFC 8725.
 */

/** Longest token, in characters, that is made or read. */
export const maxTokenLength = 16 * 1024;
const maxHeaderLength = 1024;
/** Longest key id, in characters. */
export const maxKidLength = 128;
/** R and S of P-256, 32 bytes each. */
const signatureBytes = 64;

export type Claims = Record<string, unknown>;

/** A private key of P-256, ready to sign. */
export interface Signer {
  readonly kid: string;
  /** Headers by `typ`, encoded: there are few, and none comes from a request. */
  readonly headers: Map<string, string>;
  readonly key: { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };
}

/** A public key of P-256, ready to verify. */
export type Verifier = Signer['key'];

/**
 * Why a token is refused: `size` too long; `format` not three parts of canonical base64url; `header` not a small JSON
 * object, or a member twice; `algorithm` not ES256; `header-member` one beside alg, typ and kid, such as jwk, jku, x5u,
 * x5c or crit; `kid` none, or too long; `type` another typ than asked for; `unknown-kid` no such key here (now);
 * `signature` it does not fit; `payload` not a JSON object, or a member twice.
 */
export type JwsRefusal =
  | 'size'
  | 'format'
  | 'header'
  | 'algorithm'
  | 'header-member'
  | 'kid'
  | 'type'
  | 'unknown-kid'
  | 'signature'
  | 'payload';

export type JwsResult =
  | { readonly ok: true; readonly kid: string; readonly typ: string | undefined; readonly claims: Claims }
  | { readonly ok: false; readonly reason: JwsRefusal };

export function signerOf(kid: string, privateKey: KeyObject): Signer {
  return { kid, headers: new Map(), key: { key: privateKey, dsaEncoding: 'ieee-p1363' } };
}

export function verifierOf(publicKey: KeyObject): Verifier {
  return { key: publicKey, dsaEncoding: 'ieee-p1363' };
}

/** A signed token. Throws a RangeError where it would be longer than `maxTokenLength`, which nobody here would read. */
export function signJws(signer: Signer, claims: Claims, typ = 'JWT'): string {
  const input = signingInput(signer, JSON.stringify(claims), typ);
  const signature = sign('sha256', Buffer.from(input, 'latin1'), signer.key);
  return `${input}.${signature.toString('base64url')}`;
}

/**
 * The same by another thread, of claims that are JSON already, written as JSON.stringify writes it: nothing else would be
 * read. A signature takes 20 to 35 µs, and handing it over 8: a process gives out a third more tokens, and everybody else
 * waits less for its event loop. Rejects where `signJws` throws.
 */
export async function signJsonAside(signer: Signer, json: string): Promise<string> {
  const input = signingInput(signer, json, 'JWT');
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  sign('sha256', Buffer.from(input, 'latin1'), signer.key, (error, signature) =>
    error ? reject(error) : resolve(signature),
  );
  return `${input}.${(await promise).toString('base64url')}`;
}

/** Where claims are encoded: nothing of it outlives a call. */
const scratch = Buffer.alloc(maxTokenLength);

/** What is signed: header and claims in base64url (RFC 7515 §5.1). */
function signingInput(signer: Signer, json: string, typ: string): string {
  let header = signer.headers.get(typ);
  if (header === undefined) signer.headers.set(typ, (header = encodeJson({ alg: 'ES256', typ, kid: signer.kid })));
  // Base64url of 64 bytes has 86 characters, and that of the claims a third more than they have bytes.
  if (header.length + 88 + (Buffer.byteLength(json) * 4) / 3 > maxTokenLength) {
    throw new RangeError(`a token would exceed ${maxTokenLength} characters`);
  }
  return `${header}.${scratch.toString('base64url', 0, scratch.write(json))}`;
}

/**
 * Checks who signed a token, and nothing of what it claims (`checkClaims` does). `keyOf` finds the key by its id alone:
 * nothing in the token can bring its own. With `typ`, that must be the token's exactly.
 */
export function verifyJws(
  token: string,
  keyOf: (kid: string) => Verifier | undefined,
  { typ }: { typ?: string | undefined } = {},
): JwsResult {
  if (token.length > maxTokenLength) return refused('size');
  const [encodedHeader = '', encodedPayload = '', encodedSignature = '', ...more] = token.split('.', 4);
  if (more.length > 0 || !encodedHeader || !encodedPayload || !encodedSignature) return refused('format');
  if (encodedHeader.length > maxHeaderLength) return refused('header');
  const header = decodeJson(encodedHeader);
  if (!header) return refused('header');
  const { alg, kid, typ: type, ...others } = header;
  if (alg !== 'ES256') return refused('algorithm');
  for (const _ in others) return refused('header-member');
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) return refused('kid');
  if (type !== undefined && typeof type !== 'string') return refused('type');
  if (typ !== undefined && type !== typ) return refused('type');
  const signature = decodeBase64url(encodedSignature);
  if (!signature) return refused('format');
  const key = keyOf(kid);
  if (!key) return refused('unknown-kid');
  const input = Buffer.from(token.slice(0, encodedHeader.length + 1 + encodedPayload.length), 'utf8');
  if (signature.length !== signatureBytes || !verify('sha256', input, key, signature)) return refused('signature');
  const claims = decodeJson(encodedPayload);
  return claims ? { ok: true, kid, typ: type, claims } : refused('payload');
}

function refused(reason: JwsRefusal): JwsResult {
  return { ok: false, reason };
}

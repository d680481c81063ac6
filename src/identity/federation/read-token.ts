import { jsonShape } from '../../oci/index.ts';
import { Refusal } from './refusal.ts';

/** Longest token that is looked at (bytes). Entra's with 200 groups have 8 KiB. */
const maxTokenBytes = 16_384;
/** Deepest nesting of a header or of claims; real ones have four levels. */
const maxDepth = 12;

/** Object of a token; parsed, with nothing known about its values. */
export type Claims = Readonly<Record<string, unknown>>;

export interface ReadToken {
  alg: string;
  kid: string | undefined;
  /** Not to be believed before the signature is. */
  claims: Claims;
}

/** `typ` of tokens that say who somebody is (RFC 9068, 2.1; RFC 7519, 5.1). Others, such as `logout+jwt`, are none. */
const types = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** By these a token would choose its own key (RFC 8725, 3.10). */
const embedded = ['jwk', 'jku', 'x5c', 'x5u'];

/** Takes a token apart (RFC 7515, 7.1) without believing it. Throws Refusal. */
export function readToken(token: string): ReadToken {
  if (token.length > maxTokenBytes) throw new Refusal('too_large');
  const parts = token.split('.', 4);
  if (parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]*$/.test(part))) throw new Refusal('malformed');
  const header = objectOf(parts[0]!);
  const { alg, kid, typ, crit, b64, cty } = header;
  if (typeof alg !== 'string' || alg.length > 32) throw new Refusal('malformed');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 512)) throw new Refusal('malformed');
  // We know no extension that a token could demand, and no token inside another.
  if (crit !== undefined || b64 !== undefined || cty !== undefined) throw new Refusal('malformed');
  if (typ !== undefined && (typeof typ !== 'string' || !types.has(typ.toLowerCase()))) throw new Refusal('wrong_type');
  if (embedded.some((name) => Object.hasOwn(header, name))) throw new Refusal('embedded_key');
  return { alg, kid, claims: objectOf(parts[1]!) };
}

/** Each key once: of two readers each might believe another value. */
function objectOf(part: string): Claims {
  const bytes = Buffer.from(part, 'base64url');
  // Bits that are left over may be anything, and the same token would have many texts.
  if (bytes.length === 0 || bytes.toString('base64url') !== part) throw new Refusal('malformed');
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const { depth, repeatedKey } = jsonShape(text);
    if (depth > maxDepth || repeatedKey !== undefined) throw new Refusal('malformed');
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Claims;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal('malformed', error);
  }
  throw new Refusal('malformed');
}

/** What a token says, for explaining why it is refused; undefined where it cannot be read. Never to be believed. */
export function claimsUnverified(token: string): Claims | undefined {
  try {
    return readToken(token).claims;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}

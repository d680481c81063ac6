import { isJwt } from './identify.ts';
import { type Refusal, refused } from './refusal.ts';

/** What somebody shows: a token, or a user name and a password. */
export type Credentials = { token: string } | { user: string; password: string };

/** Longest value of the header that is looked at (characters): the longest token as the password of Basic. */
const longest = 32 * 1024;

/**
 * Reads the Authorization header (RFC 6750 §2.1, RFC 7617). What it says is never repeated. A password that is a token is
 * one, whatever the user name: kubelets can show tokens in no other way (lesson 23).
 */
export function readAuthorization(authorization: string): Credentials | { refusal: Refusal } {
  if (authorization.length > longest) return refused('too_large', 'the Authorization header is too long');
  const [, scheme = '', value = ''] = /^(\S{1,16}) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return { token: value };
  if (scheme.toLowerCase() !== 'basic') {
    return refused('scheme', 'use a Bearer token, or Basic with a token as password');
  }
  const decoded = decodeBase64(value);
  const colon = decoded?.indexOf(':') ?? -1;
  if (decoded === undefined || colon === -1 || /\p{Cc}/u.test(decoded)) {
    return refused('malformed', 'the credentials are no user name and password');
  }
  return credentialsOf(decoded.slice(0, colon), decoded.slice(colon + 1));
}

/** A user name and a password, or the token that the password is. */
export function credentialsOf(user: string, password: string): Credentials {
  return isJwt(password) ? { token: password } : { user, password };
}

/** Text in UTF-8; undefined where it is none, or not base64. */
function decodeBase64(value: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'base64'));
  } catch {
    return undefined;
  }
}

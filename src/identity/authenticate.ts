import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { anonymousId, type Caller } from './caller.ts';
import { type Door, type Identification, identifyToken, isJwt } from './identify.ts';
import { identifyPassword } from './identify-password.ts';
import { type Identified, refused } from './refusal.ts';

/** Tokens that were verified and are remembered by their hash, at most. */
const remembered = 10_000;

/**
 * How long what was found out by a look-up in the database is believed (ms), and what an issuer's keys have signed. What
 * the directory says is asked at each request in any case.
 */
const passwordMs = 3000;
const tokenMs = 300_000;

export interface Authenticator {
  /**
   * Who shows these credentials, the value of the Authorization header: a token as Bearer, or a user name and password,
   * which may be a token, too (lesson 23).
   */
  identify(door: Door, authorization: string): Caller | Promise<Identified<Caller>>;
}

export function createAuthenticator(of: Identification): Authenticator {
  const known = new LRUCache<string, Caller>({ max: remembered });
  return {
    identify(door, authorization) {
      const key = createHash('sha256').update(authorization).update(`\0${door.registryId}`).digest('base64url');
      const caller = known.get(key);
      if (caller && of.now() < caller.until) return caller;
      return (async () => {
        const identified = await identifyHeader(of, door, authorization);
        if (identified.ok && !identified.caller.expired) {
          known.set(key, { ...identified.caller, until: lastsUntil(identified.caller, of.now()) });
        }
        return identified;
      })();
    },
  };
}

function lastsUntil({ kind, until }: Caller, now: number): number {
  return Math.min(until, now + (kind === 'token' || kind === 'admin' ? passwordMs : tokenMs));
}

/** Whoever shows an Authorization header. What it says is never repeated. */
export async function identifyHeader(
  of: Identification,
  door: Door,
  authorization: string,
): Promise<Identified<Caller>> {
  const [, scheme = '', value = ''] = /^(\S{1,16}) +(\S+) *$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return identifyToken(of, door, value);
  if (scheme.toLowerCase() !== 'basic')
    return refused('scheme', 'use a Bearer token, or Basic with a token as password');
  const decoded = Buffer.from(value, 'base64').toString();
  const colon = decoded.indexOf(':');
  if (colon === -1) return refused('malformed', 'the credentials are no user name and password');
  return identifyPair(of, door, decoded.slice(0, colon), decoded.slice(colon + 1));
}

/** A user name and a password. A token is known by its shape, whatever the name: kubelets can give nothing else. */
export function identifyPair(
  of: Identification,
  door: Door,
  user: string,
  password: string,
): Promise<Identified<Caller>> {
  return isJwt(password) ? identifyToken(of, door, password) : identifyPassword(of, door, user, password);
}

/** Somebody who shows nothing. */
export function anonymousCaller(registryId: number): Caller {
  return {
    registryId,
    kind: 'anonymous',
    id: anonymousId,
    holder: { kind: 'anonymous', name: 'anonymous' },
    grant: undefined,
    tokenId: undefined,
    expired: false,
    until: Number.POSITIVE_INFINITY,
  };
}

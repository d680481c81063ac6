import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Exchange } from '../exchange/index.ts';
import { anonymousId, type Caller } from './caller.ts';
import { credentialsOf, type Credentials, readAuthorization } from './credentials.ts';
import { type Door, doorAt, type Identification, identifyToken } from './identify.ts';
import { identifyPassword } from './identify-password.ts';
import type { Identified } from './refusal.ts';

/** Bytes that callers are remembered in, about, and what one of them has beside its groups and claims: some decisions. */
const rememberedBytes = 64 * 1024 * 1024;
const callerBytes = 8192;

/**
 * How long what was found out by a look-up in the database is believed (ms), and what an issuer's keys have signed. What
 * the directory says is asked at each request in any case.
 */
const passwordMs = 3000;
const tokenMs = 300_000;

/** A request to a registry. What its door is called matters only where somebody is not known yet. */
export type Knocking = Pick<Exchange, 'registryId' | 'request' | 'origin' | 'way'>;

export interface Authenticator {
  /**
   * Who shows these credentials, the value of the Authorization header: a token as Bearer, or a user name and password,
   * which may be a token, too (lesson 23). Whoever was found out before is returned at once.
   */
  identify(exchange: Knocking, authorization: string): Caller | Promise<Identified<Caller>>;
  /** The same, of whom it has found out lately alone. */
  known(exchange: Knocking, authorization: string): Caller | undefined;
}

interface Known {
  caller: Caller;
  /** ms; before the first one the clock has been set back, and nobody knows how long ago that was. */
  since: number;
  until: number;
  /** What it was found out by: where that is another object now, it is found out anew. */
  proof: unknown;
}

/** Remembers callers by the hash of what they have shown. Who shows the same at the same moment is looked at once. */
export function createAuthenticator(of: Identification): Authenticator {
  const known = new LRUCache<string, Known>({ maxSize: rememberedBytes, sizeCalculation: bytesOf });
  const running = new Map<string, Promise<Identified<Caller>>>();

  async function find(key: string, door: Door, authorization: string): Promise<Identified<Caller>> {
    const proofs = proofsOf(of);
    const identified = await identifyHeader(of, door, authorization);
    if (!identified.ok || identified.caller.endedAt !== undefined) return identified;
    const { caller } = identified;
    const since = of.now();
    known.set(key, { caller, since, until: believedUntil(caller, since), proof: proofs[caller.via] });
    return identified;
  }

  // What is good by one way is none by another, so they are known apart. Only what is secret is hashed: put together with
  // the rest, it would have to be copied first.
  const keyOf = ({ registryId, request, way }: Knocking, authorization: string) =>
    `${registryId} ${way().id} ${request.headers.get('host') ?? ''} ${hash('sha256', authorization, 'base64url')}`;

  function remembered(key: string): Caller | undefined {
    const entry = known.get(key);
    if (!entry) return undefined;
    const now = of.now();
    const isBelieved = now >= entry.since && now < entry.until && entry.proof === proofOf(of, entry.caller.via);
    return isBelieved ? entry.caller : undefined;
  }

  return {
    known: (exchange, authorization) => remembered(keyOf(exchange, authorization)),
    identify(exchange, authorization) {
      const key = keyOf(exchange, authorization);
      const caller = remembered(key);
      if (caller) return caller;
      let finding = running.get(key);
      if (!finding) {
        finding = find(key, doorAt(exchange), authorization).finally(() => running.delete(key));
        running.set(key, finding);
      }
      return finding;
    },
  };
}

/** A key that is withdrawn, and an issuer or credential that is changed, take along whom they vouched for. */
function proofOf({ keys, directory }: Identification, via: Caller['via']): unknown {
  if (via === 'issuer') return directory().vouching;
  return via === 'access_token' || via === 'refresh_token' ? keys.jwks() : undefined;
}

/** As they are before one is looked at: what changes meanwhile counts. */
function proofsOf(of: Identification): Partial<Record<Caller['via'], unknown>> {
  const own = proofOf(of, 'access_token');
  return { issuer: proofOf(of, 'issuer'), access_token: own, refresh_token: own };
}

function believedUntil({ kind, until }: Caller, now: number): number {
  return Math.min(until, now + (kind === 'token' || kind === 'admin' ? passwordMs : tokenMs));
}

/** Groups and claims are kept as they are, and as the JSON of the tokens that the caller gets. */
function bytesOf({ caller: { holder, grant } }: Known): number {
  return callerBytes + 4 * JSON.stringify(holder).length + 2 * (grant?.length ?? 0);
}

/** Whoever shows an Authorization header. */
async function identifyHeader(of: Identification, door: Door, authorization: string): Promise<Identified<Caller>> {
  const credentials = readAuthorization(authorization);
  return 'refusal' in credentials ? { ok: false, refusal: credentials.refusal } : identify(of, door, credentials);
}

/** Whoever has a user name and a password. */
export function identifyPair(
  of: Identification,
  door: Door,
  user: string,
  password: string,
): Promise<Identified<Caller>> {
  return identify(of, door, credentialsOf(user, password));
}

function identify(of: Identification, door: Door, shown: Credentials): Promise<Identified<Caller>> {
  return 'token' in shown
    ? identifyToken(of, door, shown.token)
    : identifyPassword(of, door, shown.user, shown.password);
}

/** Somebody who shows nothing. */
export function anonymousCaller(registryId: number): Caller {
  return {
    registryId,
    kind: 'anonymous',
    via: 'nothing',
    id: anonymousId,
    holder: { kind: 'anonymous', name: 'anonymous' },
    grant: undefined,
    tokenId: undefined,
    mode: undefined,
    endedAt: undefined,
    until: Number.POSITIVE_INFINITY,
  };
}

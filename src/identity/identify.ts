import { type Exchange, publicWay } from '../exchange/index.ts';
import { type Keys, maxTokenLength, operatorIssuer, type OperatorVerifier } from '../keys/index.ts';
import { type Caller, callerOfClaims } from './caller.ts';
import { readClaims } from './claims.ts';
import type { Directory } from './directory.ts';
import { type Federation, refusals } from './federation/index.ts';
import { callerOfFederated } from './identify-federated.ts';
import type { Passwords } from './passwords.ts';
import { type Identified, refused } from './refusal.ts';

export interface Identification {
  directory(): Directory;
  /** Takes in what was written, by this process or others: the directory is that of now when it resolves. */
  refresh(): Promise<void>;
  keys: Keys;
  /** Hosts with port by which only this machine reaches the server: further audiences of an operator's token. */
  ownAddresses(): readonly string[];
  /** Undefined where this process has no data directory. */
  operator: OperatorVerifier | undefined;
  federation: Federation;
  passwords: Passwords;
  /** The ids of the repositories of these names that there are (lesson 24). */
  repositoryIds(registryId: number, names: readonly string[]): Promise<ReadonlyMap<string, number>>;
  now(): number;
}

/** Where somebody knocks. */
export interface Door {
  registryId: number;
  /** What tokens call the registry: the host (and port) under which clients reach it. */
  service: string;
  /** The Host header, which names this server: an audience of an operator's token. */
  host: string;
  /** Id of the way by which they came. A token of ours that was given by another is none here. */
  way: string;
}

/** A door with the scheme: the issuer that tokens name. */
export interface TokenDoor extends Door {
  origin: string;
}

/** The door of a request. */
export function doorAt(exchange: Pick<Exchange, 'registryId' | 'request' | 'origin' | 'way'>): TokenDoor {
  const { registryId, request } = exchange;
  const origin = exchange.origin();
  const host = (request.headers.get('host') ?? '').toLowerCase();
  return { registryId, origin, service: origin.slice(origin.indexOf('//') + 2), host, way: exchange.way().id };
}

export const operatorId = 'operator';

/** After its end, an access token still finishes what was begun with it for so long (ms): the longest upload. */
const afterlifeMs = 24 * 3_600_000;

/** The user name that says that the password is a token (acr §2.2). */
export const nullUser = '00000000-0000-0000-0000-000000000000';

export const isJwt = (text: string) => /^[\w-]{2,}\.[\w-]{2,}\.[\w-]{2,}$/.test(text);

/** Who a token belongs to: one of ours, the operator's, or one of a trusted issuer. */
export async function identifyToken(of: Identification, door: Door, token: string): Promise<Identified<Caller>> {
  if (token.length > maxTokenLength) return refused('too_large', refusals.too_large);
  const said = peek(token);
  if (!said) return refused('malformed', 'this is no token that the registry can read');
  if (said.rid !== undefined && said.grant_type !== undefined) return identifyOwn(of, door, token);
  if (said.iss === operatorIssuer) return identifyOperator(of, door, token, said);
  let verified = await of.federation.verify(token, of.directory().issuers);
  const isUnknown = !verified.ok && verified.reason === 'unknown_issuer';
  // Another process may have said a moment ago who is trusted, and whose tokens these are: whoever is taken for a stranger stays
  // one for as long as the login lasts. Where that cannot be asked, what is known has to do.
  if (verified.ok || isUnknown) await of.refresh().catch(() => {});
  if (isUnknown) verified = await of.federation.verify(token, of.directory().issuers);
  if (!verified.ok) {
    const answer = verified.reason === 'issuer_unreachable' ? 'unavailable' : undefined;
    return refused(verified.reason, verified.message, answer);
  }
  return { ok: true, caller: callerOfFederated(of.directory(), door.registryId, verified) };
}

interface Said {
  iss?: unknown;
  rid?: unknown;
  grant_type?: unknown;
  aud?: unknown;
}

/** What a token says of itself, to find whose keys it has to be checked with. Nothing else is believed of it. */
function peek(token: string): Said | undefined {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.', 2)[1] ?? '', 'base64url').toString());
    return typeof payload === 'object' && payload !== null ? payload : undefined;
  } catch {
    return undefined;
  }
}

async function identifyOwn(of: Identification, door: Door, token: string): Promise<Identified<Caller>> {
  // Another node may have made a key since this one looked. That is asked for once in a while, however many come.
  const verified = await of.keys.verifyOrReload(token);
  if (!verified.ok) return refused(verified.reason, 'the token is none that this registry has signed; log in again');
  const claims = readClaims(verified.claims);
  if (!claims) return refused('malformed', 'the token is none that this registry gives out');
  if (claims.rid !== door.registryId) {
    return refused('wrong_audience', 'the token is for another registry; get one from this one');
  }
  if ((claims.way ?? publicWay.id) !== door.way) {
    return refused('other_way', 'the token was given by another way into the registry; log in again by this one');
  }
  const registry = of.directory().registry(door.registryId);
  if (registry?.roleAssignmentMode !== claims.mode) {
    return refused('mode_changed', 'the registry decides about access in another way since; log in again');
  }
  const now = of.now();
  if (claims.nbf * 1000 > now + 60_000) return refused('not_yet_valid', 'the token is not valid yet; check the clock');
  const over = now - claims.exp * 1000;
  // Only an access token lives on: it can be used for nothing but what it has begun.
  if (over >= (claims.grant_type === 'access_token' ? afterlifeMs : 0)) {
    return refused('expired', 'the token has expired; log in again');
  }
  const { kind, name, password } = claims.holder;
  if (kind === 'token' || kind === 'admin') {
    const owner = { registryId: door.registryId, kind, name };
    if (password === undefined || !(await of.passwords.stands(owner, password))) {
      return refused('password_gone', 'the password that this token was given for is gone; log in with a new one');
    }
  }
  return { ok: true, caller: callerOfClaims(claims, over >= 0) };
}

function identifyOperator(of: Identification, door: Door, token: string, said: Said): Identified<Caller> {
  if (!of.operator) {
    return refused(
      'no_operator',
      'this server has no data directory that an operator could show; log in with an identity',
    );
  }
  const audience = [door.host, ...of.ownAddresses()].find((own) => own === said.aud) ?? door.host;
  const verified = of.operator.verify(token, { audience, nowMs: of.now() });
  if (!verified.ok)
    return refused(verified.reason, `the operator token is refused (${verified.reason}); make a new one`);
  const caller: Caller = {
    registryId: door.registryId,
    kind: 'operator',
    via: 'operator',
    id: operatorId,
    holder: { kind: 'operator', name: 'local operator' },
    grant: undefined,
    tokenId: verified.claims.jti,
    mode: undefined,
    endedAt: undefined,
    until: Number(verified.claims['exp']) * 1000,
  };
  return { ok: true, caller };
}

import { grantedActions, registryScopes, type RequestedScope } from '../access/index.ts';
import type { AskedScopes } from './asked-scopes.ts';
import { type Caller, mayManage } from './caller.ts';
import type { AccessEntry, TokenClaims } from './claims.ts';
import { accessClaims, closeClaims, type Times, writeClaims } from './claims-text.ts';
import type { Directory } from './directory.ts';
import type { Identification, TokenDoor } from './identify.ts';
import { hasCatalog, isAllowed } from './rights.ts';

export interface TokenLifetimes {
  /** Of refresh tokens (ms). */
  refreshMs: number;
  /** Of access tokens (ms). */
  accessMs: number;
}

export interface IssuedToken {
  token: string;
  id: string;
  /** What of the asked was granted; empty in a refresh token. */
  access: readonly AccessEntry[];
  /** Seconds that it is good for. */
  expiresIn: number;
}

/**
 * A refresh token, which is exchanged for access tokens and says who somebody is (acr §2.2). It lasts no longer than the
 * one it was given for where that is one of ours: nobody stays logged in by asking again and again.
 */
export async function issueRefreshToken(
  of: Identification,
  lifetimes: TokenLifetimes,
  door: TokenDoor,
  caller: Caller,
): Promise<IssuedToken> {
  const times = timesOf(of, caller, 'refresh_token', lifetimes.refreshMs);
  const { id, text } = writeClaims(door, caller, modeOf(of.directory(), door), 'refresh_token').open(times);
  const token = await of.keys.signAside(closeClaims(text, undefined));
  return { token, id, access: [], expiresIn: times.exp - times.iat };
}

/**
 * An access token for the part of the asked scopes that the caller has now (acr §2.3). It is never refused for asking too
 * much (lesson 20): what was not granted is not in it, nor what a token has no room for. For an access token there is
 * another one that says no more and lasts no longer.
 */
export async function issueAccessToken(
  of: Identification,
  lifetimes: TokenLifetimes,
  door: TokenDoor,
  caller: Caller,
  asked: AskedScopes,
): Promise<IssuedToken> {
  const directory = of.directory();
  const granted = grantedOf(directory, caller, asked);
  const claims = accessClaims(door, caller, modeOf(directory, door));
  const names = granted.filter(({ type }) => type === 'repository').map(({ name }) => name);
  const ids = names.length === 0 ? none : await of.repositoryIds(door.registryId, names);
  const times = timesOf(of, caller, 'access_token', lifetimes.accessMs);
  const { id, text } = claims.open(times);
  const { access, json } = withinRoom(bound(granted, caller, ids), mostBytes - Buffer.byteLength(text));
  return { token: await of.keys.signAside(closeClaims(text, json)), id, access, expiresIn: times.exp - times.iat };
}

const none: ReadonlyMap<string, number> = new Map();

/**
 * Bytes of claims, as JSON. A token grows by a third, by another third as the password of Basic, and proxies in front may take
 * no more than 16 KiB of headers.
 */
const mostBytes = 7700;

/** As many of the first entries as have so many bytes together, and their JSON. */
function withinRoom(entries: readonly AccessEntry[], most: number): { access: AccessEntry[]; json: string } {
  const access: AccessEntry[] = [];
  let left = most;
  let json = '';
  for (const entry of entries) {
    const text = JSON.stringify(entry);
    left -= Buffer.byteLength(text) + 1;
    if (left < 0) continue;
    json = access.length === 0 ? text : `${json},${text}`;
    access.push(entry);
  }
  return { access, json: `[${json}]` };
}

/** The token dies with the repositories that it is for (lesson 24), those included that its own token was for. */
function bound(
  entries: readonly AccessEntry[],
  { grant }: Caller,
  ids: ReadonlyMap<string, number>,
): readonly AccessEntry[] {
  if (ids.size === 0 && !grant) return entries;
  return entries.map((entry) => {
    const gen = entry.type === 'repository' ? (grant?.idOf(entry.name) ?? ids.get(entry.name)) : undefined;
    return gen === undefined ? entry : { ...entry, gen };
  });
}

/** What a caller may have of what it asks for, by the policy of now. */
function grantedOf(directory: Directory, caller: Caller, { scopes, manages }: AskedScopes): AccessEntry[] {
  const granted: AccessEntry[] = [];
  for (const scope of scopes) {
    const actions = actionsOf(directory, caller, scope);
    if (actions.length > 0) granted.push({ type: scope.type, name: scope.name, actions });
  }
  if (manages && mayManage(caller)) granted.push({ type: 'registry', name: 'management', actions: ['*'] });
  return granted;
}

/** What of one scope a caller may have. Nobody gets more by exchanging an access token for another. */
function actionsOf(directory: Directory, caller: Caller, scope: RequestedScope): string[] {
  const { type, name } = scope;
  if (type === 'repository') {
    return grantedActions(scope.actions, (permission) => isAllowed(caller, directory, permission, name));
  }
  const allowed =
    name === 'catalog' ? hasCatalog(caller, directory) : isAllowed(caller, directory, registryScopes[name], undefined);
  return allowed ? ['*'] : [];
}

const modeOf = (directory: Directory, { registryId }: TokenDoor) => directory.registry(registryId)!.roleAssignmentMode;

function timesOf(
  { now }: Identification,
  { via, until }: Caller,
  grantType: TokenClaims['grant_type'],
  mostMs: number,
): Times {
  const at = now();
  // For one of its kind it lasts no longer than that.
  const lastsMs = grantType === via ? Math.min(mostMs, until - at) : mostMs;
  const iat = Math.floor(at / 1000);
  return { iat, exp: iat + Math.max(1, Math.floor(lastsMs / 1000)) };
}

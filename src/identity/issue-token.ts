import { randomUUID } from 'node:crypto';
import { grantedActions, parseScopes, registryScopes, type RequestedScope } from '../access/index.ts';
import { publicWay } from '../exchange/index.ts';
import { type Caller, mayManage } from './caller.ts';
import { bytesOf, within } from './carried.ts';
import type { AccessEntry, TokenClaims } from './claims.ts';
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
  access: AccessEntry[];
  /** Seconds that it is good for. */
  expiresIn: number;
}

/**
 * A refresh token, which is exchanged for access tokens and says who somebody is (acr §2.2). It lasts no longer than the
 * one it was given for where that is one of ours: nobody stays logged in by asking again and again.
 */
export function issueRefreshToken(
  of: Identification,
  lifetimes: TokenLifetimes,
  door: TokenDoor,
  caller: Caller,
): IssuedToken {
  return sign(of, claimsOf(of, door, caller, 'refresh_token', lifetimes.refreshMs));
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
  scopes: readonly string[],
): Promise<IssuedToken> {
  const granted = parseScopes(scopes).flatMap((scope) => grantedOf(of, caller, scope));
  const asksToManage = scopes.some((scope) => scope.split(' ', 100).includes(managementScope));
  if (asksToManage && mayManage(caller)) granted.push({ type: 'registry', name: 'management', actions: ['*'] });
  const claims = claimsOf(of, door, caller, 'access_token', lifetimes.accessMs);
  const access = within(mostBytes - bytesOf(claims), await bound(of, caller, granted));
  return sign(of, { ...claims, access });
}

/**
 * Bytes of claims, as JSON. A token grows by a third, by another third as the password of Basic, and proxies in front may take
 * no more than 16 KiB of headers.
 */
const mostBytes = 7700;

/** The token dies with the repositories that it is for (lesson 24), those included that its own token was for. */
async function bound(
  of: Identification,
  { registryId, grant }: Caller,
  entries: AccessEntry[],
): Promise<AccessEntry[]> {
  const names = entries.filter(({ type }) => type === 'repository').map(({ name }) => name);
  if (names.length === 0) return entries;
  const ids = await of.repositoryIds(registryId, names);
  return entries.map((entry) => {
    const gen = entry.type === 'repository' ? (grant?.idOf(entry.name) ?? ids.get(entry.name)) : undefined;
    return gen === undefined ? entry : { ...entry, gen };
  });
}

/** What a client asks for to use the management API with its token. */
export const managementScope = 'registry:management:*';

/** What of one scope a caller may have. Nobody gets more by exchanging an access token for another. */
function grantedOf(of: Identification, caller: Caller, scope: RequestedScope): AccessEntry[] {
  const { type, name } = scope;
  const directory = of.directory();
  if (type === 'registry') {
    const allowed =
      name === 'catalog'
        ? hasCatalog(caller, directory)
        : isAllowed(caller, directory, registryScopes[name], undefined);
    return allowed ? [{ type, name, actions: ['*'] }] : [];
  }
  const granted = grantedActions(scope.actions, (permission) => isAllowed(caller, directory, permission, name));
  return granted.length === 0 ? [] : [{ type, name, actions: [...granted] }];
}

function claimsOf(
  { now, directory }: Identification,
  door: TokenDoor,
  caller: Caller,
  grantType: TokenClaims['grant_type'],
  mostMs: number,
): TokenClaims {
  const isOurs = caller.via === 'refresh_token' || caller.via === 'access_token';
  const lastsMs = grantType === caller.via && isOurs ? Math.min(mostMs, caller.until - now()) : mostMs;
  const iat = Math.floor(now() / 1000);
  return {
    jti: randomUUID(),
    sub: caller.id,
    iss: door.origin,
    aud: door.service,
    iat,
    // Of another node's clock.
    nbf: iat - 60,
    exp: iat + Math.max(1, Math.floor(lastsMs / 1000)),
    version: '1.0',
    grant_type: grantType,
    rid: door.registryId,
    mode: directory().registry(door.registryId)!.roleAssignmentMode,
    ...(door.way !== publicWay.id && { way: door.way }),
    holder: caller.holder,
  };
}

function sign({ keys }: Identification, claims: TokenClaims): IssuedToken {
  const { jti, iat, exp, access = [] } = claims;
  return { token: keys.sign({ ...claims }), id: jti, access, expiresIn: exp - iat };
}

import { randomUUID } from 'node:crypto';
import { grantedActions, parseScopes, registryScopes, type RequestedScope } from '../access/index.ts';
import { type Caller, mayManage } from './caller.ts';
import type { AccessEntry, TokenClaims } from './claims.ts';
import type { Identification, TokenDoor } from './identify.ts';
import { isAllowed, seesAny } from './rights.ts';

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
  { renewed = false }: { renewed?: boolean } = {},
): IssuedToken {
  const lifetimeMs = Math.min(lifetimes.refreshMs, renewed ? caller.until - of.now() : lifetimes.refreshMs);
  return issue(of, door, caller, lifetimeMs, 'refresh_token');
}

/**
 * An access token for the part of the asked scopes that the caller has now (acr §2.3). It is never refused for asking too
 * much (lesson 20): what was not granted is not in it.
 */
export function issueAccessToken(
  of: Identification,
  lifetimes: TokenLifetimes,
  door: TokenDoor,
  caller: Caller,
  scopes: readonly string[],
): IssuedToken {
  const access = parseScopes(scopes).flatMap((scope) => grantedOf(of, caller, scope));
  const asksToManage = scopes.some((scope) => scope.split(' ', 100).includes(managementScope));
  if (asksToManage && mayManage(caller)) access.push({ type: 'registry', name: 'management', actions: ['*'] });
  return issue(of, door, caller, lifetimes.accessMs, 'access_token', access);
}

/** What a client asks for to use the management API with its token. */
export const managementScope = 'registry:management:*';

/** What of one scope a caller may have. Nobody gets more by exchanging an access token for another. */
function grantedOf(of: Identification, caller: Caller, scope: RequestedScope): AccessEntry[] {
  const { type, name } = scope;
  const directory = of.directory();
  if (type === 'registry') {
    const allowed =
      isAllowed(caller, directory, registryScopes[name], undefined) ||
      (name === 'catalog' && seesAny(caller, directory));
    return allowed ? [{ type, name, actions: ['*'] }] : [];
  }
  const granted = grantedActions(scope.actions, (permission) => isAllowed(caller, directory, permission, name));
  return granted.length === 0 ? [] : [{ type, name, actions: [...granted] }];
}

function issue(
  { keys, now, directory }: Identification,
  door: TokenDoor,
  caller: Caller,
  lifetimeMs: number,
  grantType: TokenClaims['grant_type'],
  access?: AccessEntry[],
): IssuedToken {
  const iat = Math.floor(now() / 1000);
  const expiresIn = Math.max(1, Math.floor(lifetimeMs / 1000));
  const claims: TokenClaims = {
    jti: randomUUID(),
    sub: caller.id,
    iss: door.origin,
    aud: door.service,
    iat,
    // Of another node's clock.
    nbf: iat - 60,
    exp: iat + expiresIn,
    version: '1.0',
    grant_type: grantType,
    rid: door.registryId,
    mode: directory().registry(door.registryId)!.roleAssignmentMode,
    ...(access && { access }),
    holder: caller.holder,
  };
  return { token: keys.sign({ ...claims }), id: claims.jti, access: access ?? [], expiresIn };
}

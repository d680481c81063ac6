import type { Grant, Principal } from '../access/index.ts';
import type { Directory } from './directory.ts';
import type { Holder, TokenClaims } from './claims.ts';
import { trustMark } from './federation/index.ts';
import { grantOf, type TokenGrant } from './grant.ts';

/** Somebody who has shown who they are, or who need not. */
export interface Caller {
  readonly registryId: number;
  readonly kind: Principal['kind'];
  /** What it has shown. */
  readonly via: 'nothing' | 'password' | 'operator' | 'issuer' | TokenClaims['grant_type'];
  /** Stable: the id of a principal, `token:NAME`, `admin`. */
  readonly id: string;
  readonly holder: Holder;
  /** What its access token was given for; undefined where it came with credentials that are good for everything it may do. */
  readonly grant: TokenGrant | undefined;
  /** `jti` of the token that was shown, or the id of the password. */
  readonly tokenId: string | undefined;
  /** The role assignment mode under which its token of ours was given; a switch ends it (acr §2.6). */
  readonly mode: string | undefined;
  /** Since when its access token is over (ms). Only what it had begun may be finished with that (lesson 9). */
  readonly endedAt: number | undefined;
  /** When what it has shown ends (ms). */
  readonly until: number;
}

export const anonymousId = 'anonymous';

export function callerOfClaims(claims: TokenClaims, expired: boolean): Caller {
  return {
    registryId: claims.rid,
    kind: claims.holder.kind,
    via: claims.grant_type,
    id: claims.sub,
    holder: claims.holder,
    grant: claims.grant_type === 'access_token' ? grantOf(claims.access ?? []) : undefined,
    tokenId: claims.jti,
    mode: claims.mode,
    endedAt: expired ? claims.exp * 1000 : undefined,
    until: claims.exp * 1000,
  };
}

/**
 * The principal that a caller is now: with what the directory says of it at this moment, undefined when it is disabled or
 * gone. Rights are never kept in a token.
 */
export function principalOf(
  caller: Pick<Caller, 'kind' | 'id' | 'holder' | 'registryId' | 'mode'>,
  directory: Directory,
): Principal | undefined {
  const { kind, id, holder, registryId, mode } = caller;
  const base = { kind, id, name: holder.name };
  // Grants are of one registry, whatever it is asked about.
  const registry = directory.registry(registryId);
  if (mode !== undefined && registry?.roleAssignmentMode !== mode) return undefined;
  switch (kind) {
    case 'operator':
      return base;
    case 'identity': {
      const identity = directory.identity(id);
      if (!identity?.enabled) return undefined;
      const credential = holder.credential && directory.credential(holder.credential.id);
      if (credential?.identity.principalId !== id || credential.mark !== holder.credential?.mark) return undefined;
      return federated({ ...base, name: identity.name }, holder, directory);
    }
    case 'federated':
      return federated(base, holder, directory);
    case 'token': {
      const token = directory.token(registryId, holder.name);
      return registry && token?.enabled ? { ...base, registry: registry.name, grants: token.grants } : undefined;
    }
    case 'admin':
      return registry?.adminUserEnabled ? { ...base, registry: registry.name, grants: everything } : undefined;
    case 'scanner': {
      const grants = holder.image && [{ repository: holder.image.repository, permissions: scannerPermissions }];
      return registry && grants && { ...base, registry: registry.name, grants };
    }
    case 'anonymous':
      return registry && { ...base, registry: registry.name, grants: registry.anonymousPull };
  }
}

/** An issuer that is no longer trusted, or by other keys, takes along everybody whom it vouched for. */
function federated(base: Pick<Principal, 'kind' | 'id' | 'name'>, holder: Holder, directory: Directory) {
  const { issuer, trust, groups, claims } = holder;
  if (!directory.issuers.some((trusted) => trusted.enabled && trustMark(trusted) === trust)) return undefined;
  return { ...base, ...(issuer && { issuer }), ...(groups && { groups }), ...(claims && { claims }) };
}

/** Of a scanner beside this server, in the repository of the one image that it looks at: also while that is refused to others. */
const scannerPermissions: Grant['permissions'] = ['content/read', 'quarantine/read'];

/** The admin user's (acr §2.4): all of the data, none of the management. */
const everything: readonly Grant[] = [
  {
    repository: '*',
    permissions: [
      'content/read',
      'content/write',
      'content/delete',
      'metadata/read',
      'metadata/write',
      'catalog/read',
      'deleted/read',
      'deleted/restore',
    ],
  },
];

/** Whether a caller can use the management API at all: what has grants in place of roles cannot. */
export function mayManage({ kind, grant, endedAt }: Caller): boolean {
  if (endedAt !== undefined) return false;
  return (kind === 'operator' || kind === 'identity' || kind === 'federated') && (!grant || grant.manages);
}

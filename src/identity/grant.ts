import { actionsPermit, type Permission } from '../access/index.ts';
import type { AccessEntry } from './claims.ts';

/** What an access token was given for. Its holder may have lost the right since: the policy is asked as well. */
export interface TokenGrant {
  allows(permission: Permission, repository: string | undefined): boolean;
  /** Whether it is for the management API. */
  readonly manages: boolean;
}

export function grantOf(entries: readonly AccessEntry[]): TokenGrant {
  const repositories = new Map<string, readonly string[]>();
  const registry = new Set<string>();
  for (const { type, name, actions } of entries) {
    if (type === 'repository') repositories.set(name, [...(repositories.get(name) ?? []), ...actions]);
    if (type === 'registry' && actions.includes('*')) registry.add(name);
  }
  return {
    manages: registry.has('management'),
    allows(permission, repository) {
      if (repository !== undefined) return actionsPermit(repositories.get(repository) ?? [], permission);
      if (permission === 'catalog/read') return registry.has('catalog');
      return permission === 'deleted/read' && registry.has('deleted_catalog');
    },
  };
}

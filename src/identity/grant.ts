import { actionsPermit, type Permission } from '../access/index.ts';
import type { AccessEntry } from './claims.ts';

/** What an access token was given for. Its holder may have lost the right since: the policy is asked as well. */
export interface TokenGrant {
  allows(permission: Permission, repository: string | undefined): boolean;
  /** The id that a repository had when the token was given; undefined where there was none (lesson 24). */
  idOf(repository: string): number | undefined;
  /** Whether it is for the management API. */
  readonly manages: boolean;
  /** Characters of it, about. */
  readonly length: number;
}

export function grantOf(entries: readonly AccessEntry[]): TokenGrant {
  const repositories = new Map<string, { actions: readonly string[]; id: number | undefined }>();
  const registry = new Set<string>();
  for (const { type, name, actions, gen } of entries) {
    if (type === 'repository') {
      const before = repositories.get(name);
      repositories.set(name, { actions: [...(before?.actions ?? []), ...actions], id: before?.id ?? gen });
    }
    if (type === 'registry' && actions.includes('*')) registry.add(name);
  }
  return {
    manages: registry.has('management'),
    length: JSON.stringify(entries).length,
    idOf: (repository) => repositories.get(repository)?.id,
    allows(permission, repository) {
      if (repository !== undefined) return actionsPermit(repositories.get(repository)?.actions ?? [], permission);
      if (permission === 'catalog/read') return registry.has('catalog');
      return permission === 'deleted/read' && registry.has('deleted_catalog');
    },
  };
}

import type { Permission } from '../access/index.ts';
import type { Needs } from '../identity/index.ts';
import type { Action } from './action.ts';
import type { Route } from './match.ts';

const permissions = {
  pull: ['content/read'],
  push: ['content/write'],
  delete: ['content/delete'],
  // Whoever may pull may list what there is to pull, and clients ask for no more than pull.
  list: ['content/read', 'metadata/read'],
} as const satisfies Record<Exclude<Action, 'metadata'>, Permission[]>;

const scopes = { pull: 'pull', push: 'pull,push', delete: 'delete', list: 'pull,metadata_read' } as const;

/** What a request needs beside a caller who is somebody; undefined for the base, which needs no more than that. */
export function needsOf(route: Route, action: Action): Needs | undefined {
  if (route.kind === 'base' || action === 'metadata') return undefined;
  if (route.kind === 'catalog') {
    const challenge = { type: 'registry', name: 'catalog', action: '*' } as const;
    return { permissions: ['catalog/read'], repository: undefined, challenge };
  }
  const challenge = { type: 'repository', name: route.name, action: scopes[action] } as const;
  return { permissions: permissions[action], repository: route.name, challenge };
}

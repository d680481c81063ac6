import type { Permission } from '../access/index.ts';
import type { Needs } from '../identity/index.ts';
import { isRepositoryName } from '../oci/index.ts';
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
export function needsOf(route: Route, action: Action, query: string): Needs | undefined {
  if (route.kind === 'base' || action === 'metadata') return undefined;
  if (route.kind === 'catalog') {
    const challenge = { type: 'registry', name: 'catalog', action: '*' } as const;
    return { permissions: ['catalog/read'], repository: undefined, challenge };
  }
  const challenge = { type: 'repository', name: route.name, action: scopes[action] } as const;
  const needs = { permissions: permissions[action], repository: route.name };
  const source = route.kind === 'uploads' ? sourceOf(query) : undefined;
  if (source === undefined) return { ...needs, challenge };
  return { ...needs, source, challenge: { ...challenge, also: `repository:${source}:pull` } };
}

/** The repository that a blob is to be mounted from (distribution-spec "Mounting a blob from another repository"). */
function sourceOf(query: string): string | undefined {
  if (!query.includes('mount=')) return undefined;
  const from = new URLSearchParams(query).get('from');
  return from !== null && isRepositoryName(from) ? from : undefined;
}

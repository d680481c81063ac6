import type { Permission } from '../access/index.ts';
import type { Needs } from '../identity/index.ts';
import type { Route } from './match.ts';

/** What a request wants; `metadata` is what it is about, the rest what it does to it. */
export type Action = 'list' | 'read' | 'update' | 'delete' | 'undelete' | 'restore' | 'purge';

const methods: Record<Route['kind'], readonly string[]> = {
  catalog: ['GET', 'HEAD'],
  'query-all': ['POST'],
  query: ['POST'],
  repository: ['GET', 'HEAD', 'PATCH', 'DELETE'],
  tags: ['GET', 'HEAD'],
  tag: ['GET', 'HEAD', 'PATCH', 'DELETE'],
  history: ['GET', 'HEAD'],
  undelete: ['POST'],
  manifests: ['GET', 'HEAD'],
  manifest: ['GET', 'HEAD', 'PATCH'],
  metadata: ['GET', 'HEAD'],
  'metadata-key': ['GET', 'HEAD', 'PUT', 'DELETE'],
  'deleted-catalog': ['GET', 'HEAD'],
  'deleted-manifests': ['GET', 'HEAD'],
  'deleted-tags': ['GET', 'HEAD'],
  'deleted-manifest': ['POST', 'DELETE'],
};

const lists: ReadonlySet<Route['kind']> = new Set([
  'catalog',
  'query-all',
  'query',
  'tags',
  'history',
  'manifests',
  'metadata',
  'deleted-catalog',
  'deleted-manifests',
  'deleted-tags',
]);

/** Whether a request, by the `route` of its exchange, is a search: a list, whose query is too long for a path. */
export function isSearch(route: string): boolean {
  return route === 'acr-query' || route === 'acr-query-all';
}

/** Methods of a route, for the Allow header of a 405. */
export function allowedMethods({ kind }: Route): string {
  return methods[kind].join(', ');
}

/** What a request wants, by route and method; undefined when the method is not served there. */
export function actionOf({ kind }: Route, method: string): Action | undefined {
  if (!methods[kind].includes(method)) return undefined;
  if (kind === 'deleted-manifest') return method === 'POST' ? 'restore' : 'purge';
  if (method === 'DELETE') return 'delete';
  if (method === 'PATCH' || method === 'PUT') return 'update';
  if (kind === 'undelete') return 'undelete';
  return lists.has(kind) ? 'list' : 'read';
}

/**
 * What a request needs (acr §2.3, §2.6). Who may only pull may list tags by `/v2/`; attributes are metadata, as in ACR.
 * To take a tag away is to delete metadata alone, and who may delete the content may do that, too.
 */
export function needsOf(route: Route, action: Action): Needs {
  // A search of all repositories as `az acr query` asks for it; its handler looks into what may be read.
  if (route.kind === 'catalog' || route.kind === 'query-all') {
    return {
      permissions: ['catalog/read'],
      repository: undefined,
      challenge: { type: 'registry', name: 'catalog', action: '*' },
    };
  }
  if (route.kind === 'deleted-catalog') {
    return {
      permissions: ['deleted/read'],
      repository: undefined,
      challenge: { type: 'registry', name: 'deleted_catalog', action: '*' },
    };
  }
  const of = (permissions: Permission[], scope: string): Needs => ({
    permissions,
    repository: route.name,
    challenge: { type: 'repository', name: route.name, action: scope },
  });
  // Who may delete shall not be able to take away what guards against that: to purge is up to who restores.
  if (route.kind === 'deleted-manifest') return of(['deleted/restore'], 'deleted_read,deleted_restore');
  if (route.kind === 'deleted-manifests' || route.kind === 'deleted-tags') return of(['deleted/read'], 'deleted_read');
  // Who may release what is in quarantine need not be able to change anything else: the handler tells them apart.
  const release: Permission[] = route.kind === 'manifest' ? ['quarantine/write'] : [];
  if (action === 'update') return of(['metadata/write', ...release], 'metadata_write');
  // Whoever may push the tag may point it there anyway.
  if (action === 'undelete') return of(['content/write'], 'pull,push');
  if (action !== 'delete') return of(['metadata/read'], 'metadata_read');
  if (route.kind === 'metadata-key') return of(['metadata/write', 'metadata/delete'], 'metadata_write');
  return of(route.kind === 'tag' ? ['metadata/delete', 'content/delete'] : ['content/delete'], 'delete');
}

import { isRepositoryName } from '../oci/index.ts';
import type { Permission } from './permissions.ts';

/** What clients ask for in a scope string of a repository, and the permission that it takes (acr.md §2.3). */
export const scopeActions = {
  pull: 'content/read',
  push: 'content/write',
  delete: 'content/delete',
  metadata_read: 'metadata/read',
  metadata_write: 'metadata/write',
  deleted_read: 'deleted/read',
  deleted_restore: 'deleted/restore',
} as const satisfies Record<string, Permission>;

export type ScopeAction = keyof typeof scopeActions | '*';

/** What clients ask for of a registry as a whole. */
export const registryScopes = {
  catalog: 'catalog/read',
  deleted_catalog: 'deleted/read',
} as const satisfies Record<string, Permission>;

export type RequestedScope =
  | { type: 'repository'; name: string; actions: readonly ScopeAction[] }
  | { type: 'registry'; name: keyof typeof registryScopes; actions: readonly ['*'] };

const everyAction = Object.keys(scopeActions) as readonly Exclude<ScopeAction, '*'>[];

export const maxScopes = 100;
/** UTF-16 units, of all scopes of a request together. */
export const maxScopesLength = 4_096;

/**
 * Reads what a client asks for: `repository:NAME:pull,push` and `registry:catalog:*`, separated by spaces. What is
 * unknown, malformed or beyond the bounds is left out: a token without it is the answer, never an error. Scopes of one
 * repository become one.
 */
export function parseScopes(text: string | readonly string[]): RequestedScope[] {
  const words = bounded(typeof text === 'string' ? text : text.join(' ')).split(/\s+/);
  const found = new Map<string, RequestedScope>();
  for (const word of words.filter(Boolean).slice(0, maxScopes)) {
    const scope = parseScope(word);
    if (!scope) continue;
    const key = `${scope.type}:${scope.name}`;
    const before = found.get(key);
    if (before?.type === 'repository' && scope.type === 'repository') {
      found.set(key, { ...scope, actions: [...new Set([...before.actions, ...scope.actions])] });
    } else found.set(key, scope);
  }
  return [...found.values()];
}

export function formatScope({ type, name, actions }: RequestedScope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** The part of asked actions that the caller may have. `*` is all; where only some are allowed, those are named. */
export function grantedActions(
  asked: readonly ScopeAction[],
  allows: (permission: Permission) => boolean,
): ScopeAction[] {
  const names = asked.includes('*') ? everyAction : everyAction.filter((action) => asked.includes(action));
  const granted = names.filter(
    (action) => allows(scopeActions[action]) || (action === 'metadata_write' && allows('quarantine/write')),
  );
  return asked.includes('*') && granted.length === everyAction.length ? ['*'] : granted;
}

/**
 * Whether actions that were granted hold a permission. Deleting takes the metadata along; the quarantine of a manifest is
 * changed with its metadata (acr §4.5), by whoever has the right to that.
 */
export function actionsPermit(granted: readonly string[], permission: Permission): boolean {
  const wanted = heldBy[permission] ?? permission;
  return everyAction.some(
    (action) => scopeActions[action] === wanted && (granted.includes('*') || granted.includes(action)),
  );
}

const heldBy: Partial<Record<Permission, Permission>> = {
  'metadata/delete': 'content/delete',
  'quarantine/write': 'metadata/write',
};

/** Cut where a scope ends, so that none comes to mean something else. */
function bounded(text: string): string {
  return text.length <= maxScopesLength ? text : text.slice(0, text.slice(0, maxScopesLength + 1).lastIndexOf(' ') + 1);
}

/** A class, as in `repository(plugin):…`, has no meaning here and is passed over, as by Docker's registry. */
function parseScope(word: string): RequestedScope | undefined {
  const parts = word.split(':');
  if (parts.length !== 3) return undefined;
  const [type, name, list] = parts as [string, string, string];
  if (type === 'registry') {
    return list === '*' && Object.hasOwn(registryScopes, name)
      ? { type, name: name as keyof typeof registryScopes, actions: ['*'] }
      : undefined;
  }
  if (!/^repository(\([a-z0-9]*\))?$/.test(type) || !isRepositoryName(name)) return undefined;
  const actions = [...new Set(list.split(','))].filter(isScopeAction);
  return actions.length === 0 ? undefined : { type: 'repository', name, actions };
}

function isScopeAction(text: string): text is ScopeAction {
  return text === '*' || Object.hasOwn(scopeActions, text);
}

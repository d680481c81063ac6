import { RegistryError } from '../errors/index.ts';
import { type Permission, permissions } from './permissions.ts';
import { type Grant, isRepositoryPattern, type RepositoryPattern } from './principal.ts';

/** What an entry of a scope map may allow (acr.md §2.5). */
const scopeMapPermissions: readonly Permission[] = permissions.filter(
  (permission) => /^(content|metadata)\//.test(permission) && permission !== 'metadata/delete',
);

export const maxScopeMapActions = 500;

/** The scope maps that each registry has from the beginning; nobody changes them. */
export const systemScopeMaps: Readonly<Record<string, { description: string; actions: readonly string[] }>> = {
  _repositories_admin: {
    description: 'Can perform all read, write and delete operations on the registry',
    actions: all('content/read', 'content/write', 'content/delete', 'metadata/read', 'metadata/write'),
  },
  _repositories_pull: { description: 'Can pull any repository of the registry', actions: all('content/read') },
  _repositories_push: {
    description: 'Can push to any repository of the registry',
    actions: all('content/read', 'content/write'),
  },
  _repositories_pull_metadata_read: {
    description: 'Can perform all read operations on the registry',
    actions: all('content/read', 'metadata/read'),
  },
  _repositories_push_metadata_write: {
    description: 'Can perform all read and write operations on the registry',
    actions: all('content/read', 'content/write', 'metadata/read', 'metadata/write'),
  },
};

/**
 * Reads the actions of a scope map, `repositories/REPOSITORY/content/read`, where REPOSITORY is a name, `prefix/*` or
 * `*`. Rules add up. Throws BAD_REQUEST that names the first entry that is none.
 */
export function parseScopeMapActions(actions: readonly string[]): Grant[] {
  if (actions.length > maxScopeMapActions) {
    throw new RegistryError('BAD_REQUEST', { message: `a scope map has at most ${maxScopeMapActions} actions` });
  }
  const grants = new Map<RepositoryPattern, Permission[]>();
  for (const action of actions) {
    const { repository, permission } = parseAction(action);
    const known = grants.get(repository);
    if (!known) grants.set(repository, [permission]);
    else if (!known.includes(permission)) known.push(permission);
  }
  return [...grants].map(([repository, list]) => ({ repository, permissions: list }));
}

/** The reverse of `parseScopeMapActions`. */
export function formatScopeMapActions(grants: readonly Grant[]): string[] {
  return grants.flatMap((grant) =>
    grant.permissions.map((permission) => `repositories/${grant.repository}/${permission}`),
  );
}

function parseAction(action: string): { repository: RepositoryPattern; permission: Permission } {
  const begin = 'repositories/';
  const permission = scopeMapPermissions.find((one) => action.endsWith(`/${one}`));
  if (permission !== undefined && action.startsWith(begin)) {
    const repository = action.slice(begin.length, -permission.length - 1);
    if (isRepositoryPattern(repository)) return { repository, permission };
  }
  throw new RegistryError('BAD_REQUEST', {
    message:
      `${JSON.stringify(action.slice(0, 300))} is no action of a scope map: write repositories/REPOSITORY/ACTION, where ` +
      `REPOSITORY is a name, prefix/* or *, and ACTION is one of ${scopeMapPermissions.join(', ')}`,
  });
}

function all(...list: Permission[]): string[] {
  return formatScopeMapActions([{ repository: '*', permissions: list }]);
}

import { RegistryError } from '../errors/index.ts';
import { quote, repositoryAttribute } from './condition.ts';
import { parseCondition } from './condition-parser.ts';
import { type Permission, permissionActions, permissions } from './permissions.ts';
import { isRepositoryPattern, type RepositoryPattern } from './principal.ts';

/** All that a repository role of Azure may do: a permission that a condition does not name is not bounded by it. */
const repositoryPermissions: readonly Permission[] = permissions.filter((permission) =>
  /^(content|metadata)\//.test(permission),
);

interface Bounds {
  /** Names and prefixes (`team/*`). */
  repositories: readonly RepositoryPattern[];
  /** What is bounded; all that a repository role may do where it is left out. */
  actions?: readonly Permission[];
}

/**
 * Writes the condition that bounds a role to repositories, in the words and the layout of Azure's documentation. Only
 * names of repositories come into it, which have no character that means anything there. Throws NAME_INVALID for what
 * is no name, BAD_REQUEST for `*` (which needs no condition), for nothing at all, and for more than a condition holds.
 */
export function conditionFor({ repositories, actions = repositoryPermissions }: Bounds): string {
  if (repositories.length === 0 || actions.length === 0) {
    throw new RegistryError('BAD_REQUEST', { message: 'a condition names a repository and an action at least' });
  }
  const guards = actions.map((permission) => `!(ActionMatches{${quote(permissionActions[permission].data)}})`);
  const names = [...new Set(repositories)].map(comparisonFor);
  const text = ['(', ' (', `  ${guards.join('\n  AND\n  ')}`, ' )', ' OR', ' (', `  ${names.join('\n  OR\n  ')}`];
  const condition = [...text, ' )', ')'].join('\n');
  parseCondition(condition);
  return condition;
}

function comparisonFor(pattern: RepositoryPattern): string {
  if (pattern === '*') {
    throw new RegistryError('BAD_REQUEST', {
      message: 'all repositories need no condition: assign the role without one',
    });
  }
  if (!isRepositoryPattern(pattern)) {
    throw new RegistryError('NAME_INVALID', {
      message: `${JSON.stringify(pattern.slice(0, 300))} is neither a repository's name nor a prefix such as team/*`,
    });
  }
  // The slash stays: without it, `team` would mean `team2`, too.
  return pattern.endsWith('/*')
    ? `@Request[${repositoryAttribute}] StringStartsWithIgnoreCase ${quote(pattern.slice(0, -1))}`
    : `@Request[${repositoryAttribute}] StringEqualsIgnoreCase ${quote(pattern)}`;
}

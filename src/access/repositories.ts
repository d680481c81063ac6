import type { Assignment } from './assignments.ts';
import {
  decide,
  type Decision,
  grantAllows,
  grantsOf,
  judge,
  judgeRole,
  scopeCoversRegistry,
  type Target,
} from './decide.ts';
import { conditionNames, type Permission } from './permissions.ts';
import { type Policy, type PolicyRegistry, registryOf, visitAssignments } from './policy.ts';
import { isAssignable, type Principal } from './principal.ts';

/** Tags and referrers of a repository are listed by who has either of these. */
const listPermissions: readonly Permission[] = ['content/read', 'metadata/read'];

/** Which repositories of a registry a caller may use, found out once and asked for many. */
export interface RepositoryFilter {
  /** All of them: nothing needs to be asked. */
  readonly all: boolean;
  /** None, whatever it is called: nothing needs to be read. */
  readonly none: boolean;
  allows(repository: string): boolean;
}

/** Whether tags and referrers of a repository may be listed. */
export function mayList(policy: Policy, principal: Principal, target: Target): Decision {
  const [content, metadata] = listPermissions.map((permission) => decide(policy, principal, permission, target));
  return content!.allow ? content! : metadata!;
}

/** Whether there may be a repository for which a permission is allowed; only a clear no is false. */
export function canAny(policy: Policy, principal: Principal, permission: Permission, registry: string): boolean {
  return !repositoryFilter(policy, principal, registry, [permission]).none;
}

/**
 * The repositories of a registry for which any of some permissions is allowed; those that let a repository be listed
 * where none are given. Agrees with `decide` on each.
 */
export function repositoryFilter(
  policy: Policy,
  principal: Principal,
  registry: string,
  permissions: readonly Permission[] = listPermissions,
): RepositoryFilter {
  const known = registryOf(policy, registry);
  if (!known) return filterOf([]);
  const filters = permissions.map((permission) =>
    isAssignable(principal)
      ? ofAssignments(policy, principal, permission, known)
      : ofGrants(principal, permission, known),
  );
  return filters.find((filter) => filter.all) ?? filterOf(filters.filter((filter) => !filter.none));
}

function ofGrants(principal: Principal, permission: Permission, registry: PolicyRegistry): RepositoryFilter {
  const grants = grantsOf(principal, registry).filter((grant) => grant.permissions.includes(permission));
  return {
    all: grants.some((grant) => grantAllows(grant, permission, undefined)),
    none: grants.length === 0 || (permission === 'catalog/read' && !grants.some((grant) => grant.repository === '*')),
    allows: (repository) => {
      const asked = permission === 'catalog/read' ? undefined : repository;
      return grants.some((grant) => grantAllows(grant, permission, asked));
    },
  };
}

function ofAssignments(
  policy: Policy,
  principal: Principal,
  permission: Permission,
  registry: PolicyRegistry,
): RepositoryFilter {
  const assignments = new Set<Assignment>();
  visitAssignments(policy, principal, (assignment) => {
    if (mayAllow(assignment, registry, permission)) assignments.add(assignment);
    return false;
  });
  const list = [...assignments];
  const allows = (repository: string | undefined) =>
    list.some((assignment) => judge(assignment, registry, permission, repository) === 'allows');
  const all = allows(undefined);
  if (permission === 'catalog/read') return { all, none: !all, allows: () => all };
  return { all, none: list.length === 0, allows };
}

/** A condition that is false while the repository is open is false for each. */
function mayAllow(assignment: Assignment, registry: PolicyRegistry, permission: Permission): boolean {
  const { scope, condition } = assignment;
  const covers = scope !== undefined && scopeCoversRegistry(scope, registry);
  if (judgeRole(assignment, registry, permission, covers) !== 'allows') return false;
  if (condition === undefined) return true;
  const names = conditionNames(permission, registry.mode);
  return typeof condition === 'function' && condition(names, scope?.repository) !== false;
}

function filterOf(filters: readonly RepositoryFilter[]): RepositoryFilter {
  return {
    all: false,
    none: filters.length === 0,
    allows: (repository) => filters.some((filter) => filter.allows(repository)),
  };
}

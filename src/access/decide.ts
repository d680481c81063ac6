import { parseArmScope, type Scope, scopeCovers } from './arm-scope.ts';
import type { Assignment } from './assignments.ts';
import type { Evaluator } from './condition-evaluation.ts';
import { bitOf, conditionNames, type Permission } from './permissions.ts';
import { type Policy, type PolicyRegistry, registryOf, visitAssignments } from './policy.ts';
import { type Grant, isAssignable, patternCovers, type Principal } from './principal.ts';
import { givesAction } from './roles.ts';

/** What is asked for: a repository of a registry, or the registry as a whole. */
export interface Target {
  /** The name of the registry. */
  registry: string;
  repository?: string;
}

export interface Decision {
  readonly allow: boolean;
  /** What allowed: the id of an assignment, or `grant`. */
  readonly by?: string;
}

/** What an assignment says to a request; all but `allows` grant nothing. */
export type Verdict =
  | 'allows'
  | 'disabled'
  | 'role-unknown'
  | 'scope-malformed'
  | 'scope-elsewhere'
  | 'role-lacks'
  | 'condition-refuses';

const refused: Decision = Object.freeze({ allow: false });
const granted: Decision = Object.freeze({ allow: true, by: 'grant' });

/**
 * The one decision of what a caller may do with data. Allowed is what any one assignment or grant allows; there is
 * nothing that takes away. Looks only at the assignments that concern the principal, and makes no objects. A registry
 * that the policy does not know refuses everything.
 */
export function decide(policy: Policy, principal: Principal, permission: Permission, target: Target): Decision {
  const registry = registryOf(policy, target.registry);
  if (!registry) return refused;
  const repository = repositoryFor(permission, target);
  if (!isAssignable(principal)) {
    const allowed = grantsOf(principal, registry).some((grant) => grantAllows(grant, permission, repository));
    return allowed ? granted : refused;
  }
  let decision = refused;
  visitAssignments(policy, principal, (assignment) => {
    if (judge(assignment, registry, permission, repository) !== 'allows') return false;
    decision = assignment.decision;
    return true;
  });
  return decision;
}

/**
 * Whether a principal may do an action of the management API (`Microsoft.ContainerRegistry/registries/write`) to a
 * resource by its ARM id. Grants count for nothing here.
 */
export function decideManagement(policy: Policy, principal: Principal, action: string, scope: string): Decision {
  const at = parseArmScope(scope);
  if (!at) return refused;
  let decision = refused;
  visitAssignments(policy, principal, (assignment) => {
    if (judgeManagement(assignment, action, at) !== 'allows') return false;
    decision = assignment.decision;
    return true;
  });
  return decision;
}

/** The catalog is of a registry, whatever repository is named beside it. */
export function repositoryFor(permission: Permission, target: Target): string | undefined {
  return permission === 'catalog/read' ? undefined : target.repository;
}

export function grantsOf({ grants, registry: name }: Principal, registry: PolicyRegistry): readonly Grant[] {
  const counts = name === undefined || name.toLowerCase() === registry.name.toLowerCase();
  return counts && grants ? grants : [];
}

export function grantAllows(grant: Grant, permission: Permission, repository: string | undefined): boolean {
  return grant.permissions.includes(permission) && patternCovers(grant.repository, repository);
}

/** What an assignment says to a permission on a repository, or on the registry as a whole. */
export function judge(
  assignment: Assignment,
  registry: PolicyRegistry,
  permission: Permission,
  repository: string | undefined,
): Verdict {
  const { scope } = assignment;
  const covers =
    scope !== undefined &&
    (scope.repository === undefined || scope.repository === repository) &&
    scopeCoversRegistry(scope, registry);
  const lacking = judgeRole(assignment, registry, permission, covers);
  if (lacking !== 'allows') return lacking;
  const { condition } = assignment;
  return holds(condition, conditionNames(permission, registry.mode), repository) ? 'allows' : 'condition-refuses';
}

/** As `judge`, without the condition, and for a scope that was compared already. */
export function judgeRole(
  { source, role, scope }: Assignment,
  registry: PolicyRegistry,
  permission: Permission,
  covers: boolean,
): Verdict {
  if (source.enabled === false) return 'disabled';
  if (!role) return 'role-unknown';
  if (!scope) return 'scope-malformed';
  if (!covers) return 'scope-elsewhere';
  return (role.given[registry.mode] & bitOf(permission)) === 0 ? 'role-lacks' : 'allows';
}

/** Whether an assignment at a scope reaches into a registry: all of it, or one repository. */
export function scopeCoversRegistry(scope: Scope, registry: PolicyRegistry): boolean {
  return scope.repository === undefined ? scopeCovers(scope, registry.scope) : scope.path === registry.scope.path;
}

/** What an assignment says to an action of the management API on a scope. */
export function judgeManagement({ source, role, scope, condition }: Assignment, action: string, at: Scope): Verdict {
  if (source.enabled === false) return 'disabled';
  if (!role) return 'role-unknown';
  if (!scope) return 'scope-malformed';
  if (!scopeCovers(scope, at)) return 'scope-elsewhere';
  if (!givesAction(role, action)) return 'role-lacks';
  return holds(condition, [action], at.repository) ? 'allows' : 'condition-refuses';
}

function holds(
  condition: Evaluator | Error | undefined,
  actions: readonly string[],
  repository: string | undefined,
): boolean {
  if (condition === undefined) return true;
  return typeof condition === 'function' && condition(actions, repository) === true;
}

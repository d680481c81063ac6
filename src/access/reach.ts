import { type Assignment, compileAssignment, type RoleAssignment } from './assignments.ts';
import { judge, judgeRole, scopeCoversRegistry } from './decide.ts';
import { conditionNames, type Permission } from './permissions.ts';
import { type Policy, type PolicyRegistry, visitAssignments } from './policy.ts';
import type { Principal } from './principal.ts';
import { givesAction, roleKey } from './roles.ts';

/** How much of a registry something is given on: all repositories, some of them, or none. */
type Reach = 'all' | 'some' | 'none';

/** The most that an assignment gives a permission on, in whichever registry. Its principal does not matter. */
export function reachOf(policy: Policy, source: RoleAssignment, permission: Permission): Reach {
  const assignment = compileAssignment(source, policy.roles, new Map(), policy.conditions);
  let widest: Reach = 'none';
  for (const registry of within(policy, assignment)) {
    const reach = reachIn(assignment, registry, permission);
    if (reach === 'all') return reach;
    if (reach === 'some') widest = reach;
  }
  return widest;
}

/** The registries that a scope may reach into: of thousands mostly one. */
function within(policy: Policy, { scope }: Assignment): Iterable<PolicyRegistry> {
  const own = policy.registries.get(scope?.path.slice(scope.path.lastIndexOf('/') + 1) ?? '');
  return own && own.scope.path === scope?.path ? [own] : policy.registries.values();
}

function reachIn(assignment: Assignment, registry: PolicyRegistry, permission: Permission): Reach {
  const { scope, condition } = assignment;
  const covers = scope !== undefined && scopeCoversRegistry(scope, registry);
  if (judgeRole(assignment, registry, permission, covers) !== 'allows') return 'none';
  if (judge(assignment, registry, permission, undefined) === 'allows') return 'all';
  if (condition === undefined) return 'some';
  const names = conditionNames(permission, registry.mode);
  return typeof condition === 'function' && condition(names, scope?.repository) !== false ? 'some' : 'none';
}

/** Whether the role of an assignment gives an action of the management API. */
export function roleGivesAction(policy: Policy, roleDefinitionId: string, action: string): boolean {
  const role = policy.roles.get(roleKey(roleDefinitionId));
  return role !== undefined && givesAction(role, action);
}

/** The name of a role; undefined where there is none of that id. */
export function roleNameOf(policy: Policy, roleDefinitionId: string): string | undefined {
  return policy.roles.get(roleKey(roleDefinitionId))?.definition.roleName;
}

/** The assignments that concern a principal, each once. */
export function assignmentsOf(policy: Policy, principal: Principal): RoleAssignment[] {
  const found = new Set<Assignment>();
  visitAssignments(policy, principal, (assignment) => {
    found.add(assignment);
    return false;
  });
  return [...found].map(({ source }) => source);
}

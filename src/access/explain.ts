import { RegistryError } from '../errors/index.ts';
import type { Assignment } from './assignments.ts';
import { blamedPart } from './condition-blame.ts';
import { parseCondition } from './condition-parser.ts';
import {
  decide,
  type Decision,
  grantAllows,
  grantsOf,
  judge,
  repositoryFor,
  type Target,
  type Verdict,
} from './decide.ts';
import { conditionNames, type Permission, permissionActions, type RoleAssignmentMode } from './permissions.ts';
import { type Policy, type PolicyRegistry, registryOf, visitAssignments } from './policy.ts';
import { type Grant, isAssignable, nameOf, type Principal } from './principal.ts';
import { replacementsOf, smallestRole } from './role-choice.ts';
import { exclusionOf, type RoleDefinition } from './roles.ts';

/** Why an assignment or a grant allows, or does not. */
export type Outcome =
  | Exclude<Verdict, 'role-lacks' | 'condition-refuses'>
  | 'action-missing'
  | 'action-excluded'
  | 'other-mode'
  | 'condition-malformed'
  | 'condition-false'
  | 'other-repository'
  | 'other-registry';

export interface Reason {
  /** The id of the assignment; undefined for a grant. */
  assignment?: string;
  /** The name of its role, where the definition is known. */
  role?: string;
  /** Where it is assigned. */
  scope?: string;
  grant?: Grant;
  outcome: Outcome;
  /** A part of a sentence, for people. */
  message: string;
}

export interface Explanation extends Decision {
  /** Undefined where the policy does not know the registry. */
  mode?: RoleAssignmentMode;
  /** All that concerns the principal, what allows first. */
  reasons: readonly Reason[];
  /** The whole, for people. */
  message: string;
  /** Of a refusal: the smallest built-in role that would allow it, where there is one and roles count. */
  suggestion?: Pick<RoleDefinition, 'id' | 'roleName'>;
}

/** A sentence names no more; `reasons` has all. */
const mostNamed = 10;

/** Says why `decide` decides as it does, by every assignment and grant that concerns the principal. */
export function explain(policy: Policy, principal: Principal, permission: Permission, target: Target): Explanation {
  const decision = decide(policy, principal, permission, target);
  const registry = registryOf(policy, target.registry);
  const who = nameOf(principal);
  const where = repositoryFor(permission, target) ?? 'the registry as a whole';
  const what = `${permission} on ${where} in ${JSON.stringify(target.registry)}`;
  if (!registry) return { ...decision, reasons: [], message: `${who} is refused ${what}: no such registry is known` };
  const { mode } = registry;
  const reasons = reasonsOf(policy, principal, registry, permission, target);
  if (decision.allow) {
    const message = `${who} is allowed ${what}: ${reasons[0]?.message}`;
    return { ...decision, mode, reasons, message };
  }
  const smallest = isAssignable(principal) ? smallestRole(permission, mode) : undefined;
  const why = reasons.length === 0 ? nothingConcerns(principal) : listOf(reasons);
  const message = `${who} is refused ${what}: ${why}. ${advice(principal, permission, mode, smallest)}`;
  if (!smallest) return { ...decision, mode, reasons, message };
  return { ...decision, mode, reasons, message, suggestion: { id: smallest.id, roleName: smallest.roleName } };
}

function reasonsOf(
  policy: Policy,
  principal: Principal,
  registry: PolicyRegistry,
  permission: Permission,
  target: Target,
): Reason[] {
  const repository = repositoryFor(permission, target);
  if (!isAssignable(principal)) {
    const counting = grantsOf(principal, registry);
    const reasons = (principal.grants ?? []).map((grant) =>
      reasonOfGrant(grant, counting.includes(grant), permission, repository),
    );
    return allowingFirst(reasons);
  }
  const assignments = new Set<Assignment>();
  visitAssignments(policy, principal, (assignment) => {
    assignments.add(assignment);
    return false;
  });
  return allowingFirst([...assignments].map((assignment) => reasonOf(assignment, registry, permission, repository)));
}

export function allowingFirst(reasons: readonly Reason[]): Reason[] {
  return reasons.toSorted((a, b) => Number(b.outcome === 'allows') - Number(a.outcome === 'allows'));
}

function reasonOfGrant(grant: Grant, counts: boolean, permission: Permission, repository: string | undefined): Reason {
  const name = `the grant on ${grant.repository}`;
  if (!counts) return { grant, outcome: 'other-registry', message: `${name} is of another registry` };
  if (!grant.permissions.includes(permission)) {
    return { grant, outcome: 'action-missing', message: `${name} does not have ${permission}` };
  }
  return grantAllows(grant, permission, repository)
    ? { grant, outcome: 'allows', message: `${name} has ${permission}` }
    : { grant, outcome: 'other-repository', message: `${name} does not reach it` };
}

function reasonOf(
  assignment: Assignment,
  registry: PolicyRegistry,
  permission: Permission,
  repository: string | undefined,
): Reason {
  const verdict = judge(assignment, registry, permission, repository);
  return reasonBy(assignment, detail(verdict, assignment, registry, permission, repository));
}

export function reasonBy({ source, role }: Assignment, [outcome, message]: [Outcome, string]): Reason {
  const name = role ? JSON.stringify(role.definition.roleName) : source.roleDefinitionId;
  const sentence = `the assignment ${source.name} of ${name} at ${source.scope} ${message}`;
  const reason: Reason = { assignment: source.id, scope: source.scope, outcome, message: sentence };
  return role ? { ...reason, role: role.definition.roleName } : reason;
}

function detail(
  verdict: Verdict,
  assignment: Assignment,
  registry: PolicyRegistry,
  permission: Permission,
  repository: string | undefined,
): [Outcome, string] {
  switch (verdict) {
    case 'role-lacks':
      return lack(assignment, registry.mode, permission);
    case 'condition-refuses':
      return refusal(assignment, conditionNames(permission, registry.mode), repository);
    case 'allows':
    case 'disabled':
    case 'role-unknown':
    case 'scope-malformed':
    case 'scope-elsewhere':
      return plainDetail(verdict, permission);
  }
}

/** What is said in the same words of data and of management. */
export function plainDetail(
  verdict: Exclude<Verdict, 'role-lacks' | 'condition-refuses'>,
  what: string,
): [Outcome, string] {
  switch (verdict) {
    case 'allows':
      return [verdict, `gives ${what}`];
    case 'disabled':
      return [verdict, 'is disabled'];
    case 'role-unknown':
      return [verdict, 'names a role definition that does not exist'];
    case 'scope-malformed':
      return [verdict, 'has a scope that is no id of a resource'];
    case 'scope-elsewhere':
      return [verdict, 'does not reach it'];
  }
}

function lack({ role }: Assignment, mode: RoleAssignmentMode, permission: Permission): [Outcome, string] {
  const { data, legacy } = permissionActions[permission];
  const isLegacy = mode === 'LegacyRegistryPermissions';
  const action = isLegacy ? `the action ${legacy}` : `the data action ${data}`;
  const exclusion = exclusionOf(role!, permission, mode);
  if (exclusion !== undefined) {
    const list = isLegacy ? 'notActions' : 'notDataActions';
    return ['action-excluded', `does not give ${permission}: ${list} of the role has ${exclusion}`];
  }
  const other = isLegacy ? 'AbacRepositoryPermissions' : 'LegacyRegistryPermissions';
  const given = role!.given;
  // A role that is of use in the other mode only.
  if (given[mode] === 0 && given[other] !== 0) {
    const instead = replacementsOf(role!.definition, mode);
    const replaced = instead.length > 0 ? `; here it is ${instead.join(' and ')} instead` : '';
    return ['other-mode', `has no effect on data while the registry is in the mode ${mode}${replaced}`];
  }
  return ['action-missing', `does not give ${permission}: the role lacks ${action}`];
}

export function refusal(
  { source, condition }: Assignment,
  actions: readonly string[],
  repository: string | undefined,
): [Outcome, string] {
  if (condition instanceof RegistryError) {
    return ['condition-malformed', `grants nothing: ${condition.message}`];
  }
  const part = blamedPart(parseCondition(source.condition!), actions, repository);
  const why = repository === undefined ? 'is not true where no repository is named' : 'is not true';
  return ['condition-false', `has a condition that refuses: ${part} ${why}`];
}

export function listOf(reasons: readonly Reason[]): string {
  const named = reasons.slice(0, mostNamed).map((reason) => reason.message);
  const rest = reasons.length - named.length;
  return [...named, ...(rest > 0 ? [`and ${rest} more that do not allow it`] : [])].join('; ');
}

export function nothingConcerns(principal: Principal): string {
  return isAssignable(principal) ? 'no role assignment concerns it' : 'it has no grants';
}

function advice(
  principal: Principal,
  permission: Permission,
  mode: RoleAssignmentMode,
  smallest: RoleDefinition | undefined,
): string {
  if (!isAssignable(principal)) return 'Role assignments do not count for it';
  if (smallest) return `The smallest built-in role that allows it is ${JSON.stringify(smallest.roleName)}`;
  const { data, legacy } = permissionActions[permission];
  const action = mode === 'LegacyRegistryPermissions' ? `the action ${legacy}` : `the data action ${data}`;
  return `No built-in role allows it here: make a custom one with ${action}`;
}

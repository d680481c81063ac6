import { parseArmScope, type Scope } from './arm-scope.ts';
import { type Assignment, compileAssignment, type Conditions, type RoleAssignment } from './assignments.ts';
import { builtInRoles } from './built-in-roles.ts';
import { someValue } from './claims.ts';
import type { RoleAssignmentMode } from './permissions.ts';
import { isAssignable, type Principal } from './principal.ts';
import { standingRole } from './standing-role.ts';
import { compileRole, type Role, type RoleDefinition, roleKey } from './roles.ts';

/** What a policy is compiled from, as resources hold it. */
export interface PolicySource {
  registries: readonly { name: string; /** An ARM id. */ id: string; roleAssignmentMode: RoleAssignmentMode }[];
  /** Custom ones. The built-in roles are always there, and none of these replaces one. */
  roleDefinitions: readonly RoleDefinition[];
  assignments: readonly RoleAssignment[];
}

export interface PolicyRegistry {
  name: string;
  scope: Scope;
  mode: RoleAssignmentMode;
}

interface IssuerIndex {
  groups: Map<string, Assignment[]>;
  /** Assignments to claims by one that must have an exact value: claim, then value. */
  exactClaims: Map<string, Map<string, Assignment[]>>;
  /** Those whose claims are patterns only. */
  patterns: Assignment[];
}

/** A policy that was compiled; it never changes. */
export interface Policy {
  registries: ReadonlyMap<string, PolicyRegistry>;
  roles: ReadonlyMap<string, Role>;
  identities: ReadonlyMap<string, readonly Assignment[]>;
  issuers: ReadonlyMap<string, IssuerIndex>;
  /** What the next compilation need not read again. */
  conditions: Conditions;
}

const builtIn: ReadonlyMap<string, Role> = new Map(
  [...builtInRoles, standingRole].map((definition) => [roleKey(definition.name), compileRole(definition)]),
);

/**
 * Compiles a policy: conditions are parsed, roles become bits, and assignments are found by whom they concern, so that
 * a decision looks at no others. Never throws for what the resources say: what is malformed grants nothing. With the
 * policy `before`, conditions that it has are not read again: of 10,000 assignments that is most of the time.
 */
export function compilePolicy(source: PolicySource, before?: Policy): Policy {
  const registries = new Map<string, PolicyRegistry>();
  for (const { name, id, roleAssignmentMode: mode } of source.registries) {
    const scope = parseArmScope(id);
    if (scope && scope.repository === undefined) registries.set(name.toLowerCase(), { name, scope, mode });
  }
  const roles = new Map<string, Role>();
  for (const definition of source.roleDefinitions) roles.set(roleKey(definition.name), compileRole(definition));
  for (const [key, role] of builtIn) roles.set(key, role);
  const identities = new Map<string, Assignment[]>();
  const issuers = new Map<string, IssuerIndex>();
  const conditions: Conditions = new Map();
  for (const assignment of source.assignments) {
    index(compileAssignment(assignment, roles, conditions, before?.conditions), identities, issuers);
  }
  return { registries, roles, identities, issuers, conditions };
}

export function registryOf(policy: Policy, name: string): PolicyRegistry | undefined {
  return policy.registries.get(name) ?? policy.registries.get(name.toLowerCase());
}

/**
 * Shows the assignments that concern a principal, until `visit` returns true; returns whether it did. One that
 * concerns it for several reasons may come again. An id of `federated` comes from outside and names nobody here.
 */
export function visitAssignments(
  policy: Policy,
  principal: Principal,
  visit: (assignment: Assignment) => boolean,
): boolean {
  if (!isAssignable(principal)) return false;
  if (principal.kind !== 'federated' && policy.identities.get(principal.id)?.some(visit)) return true;
  const issuer = principal.issuer === undefined ? undefined : policy.issuers.get(principal.issuer);
  if (!issuer) return false;
  if (principal.groups?.some((group) => issuer.groups.get(group)?.some(visit) ?? false)) return true;
  const { claims } = principal;
  if (!claims) return false;
  const visitMatching = (assignment: Assignment) => assignment.claims!.matches(claims) && visit(assignment);
  for (const [claim, byValue] of issuer.exactClaims) {
    if (someValue(claims, claim, (value) => byValue.get(value)?.some(visitMatching) ?? false)) return true;
  }
  return issuer.patterns.some(visitMatching);
}

function index(assignment: Assignment, identities: Map<string, Assignment[]>, issuers: Map<string, IssuerIndex>): void {
  const { principal } = assignment.source;
  if (principal.type === 'Identity') return append(identities, principal.id, assignment);
  const empty: IssuerIndex = { groups: new Map(), exactClaims: new Map(), patterns: [] };
  const issuer = issuers.get(principal.issuer) ?? empty;
  issuers.set(principal.issuer, issuer);
  if (principal.type === 'Group') return append(issuer.groups, principal.group, assignment);
  const exact = assignment.claims!.exact;
  if (!exact) {
    issuer.patterns.push(assignment);
    return undefined;
  }
  const [claim, value] = exact;
  const byValue = issuer.exactClaims.get(claim) ?? new Map<string, Assignment[]>();
  issuer.exactClaims.set(claim, byValue);
  return append(byValue, value, assignment);
}

function append(lists: Map<string, Assignment[]>, key: string, assignment: Assignment): void {
  const list = lists.get(key);
  if (list) list.push(assignment);
  else lists.set(key, [assignment]);
}

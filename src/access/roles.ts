import { bitOf, type Permission, permissionActions, permissions, type RoleAssignmentMode } from './permissions.ts';
import { compileActionPattern, type Matcher } from './wildcard.ts';

/** One set of an Azure role definition: what it gives, less what it excludes. */
export interface RolePermission {
  actions?: readonly string[];
  notActions?: readonly string[];
  dataActions?: readonly string[];
  notDataActions?: readonly string[];
}

/** An Azure role definition (`Microsoft.Authorization/roleDefinitions`). */
export interface RoleDefinition {
  id: string;
  /** A GUID. */
  name: string;
  roleName: string;
  description: string;
  type: 'BuiltInRole' | 'CustomRole';
  permissions: readonly RolePermission[];
  assignableScopes: readonly string[];
  /** Of a custom role the ARM id of where it was made; it gives nothing outside of that. Everywhere where it is left out. */
  madeAt?: string;
}

interface Rule {
  includes: readonly Matcher[];
  excludes: readonly Matcher[];
}

export interface Role {
  definition: RoleDefinition;
  /** The permissions that it gives in each mode, as bits. */
  given: Readonly<Record<RoleAssignmentMode, number>>;
  /** What it lets do through the management API. */
  actions: readonly Rule[];
}

/** Reads a definition once, so that decisions only compare bits. Excluded actions subtract within their set alone. */
export function compileRole(definition: RoleDefinition): Role {
  const actions = definition.permissions.map((set) => ruleOf(set.actions, set.notActions));
  const dataActions = definition.permissions.map((set) => ruleOf(set.dataActions, set.notDataActions));
  let abac = 0;
  let legacy = 0;
  for (const permission of permissions) {
    const { data, legacy: action, legacyImpliedBy } = permissionActions[permission];
    if (dataActions.some((rule) => gives(rule, data))) abac |= bitOf(permission);
    if (actions.some((rule) => gives(rule, action) || isImplied(rule, action, legacyImpliedBy))) {
      legacy |= bitOf(permission);
    }
  }
  return {
    definition,
    given: { AbacRepositoryPermissions: abac, LegacyRegistryPermissions: legacy },
    actions,
  };
}

export function givesAction(role: Role, action: string): boolean {
  return role.actions.some((rule) => gives(rule, action));
}

/** The key of a role definition: the GUID at the end of its id, in lower case. */
export function roleKey(roleDefinitionId: string): string {
  return roleDefinitionId.slice(roleDefinitionId.lastIndexOf('/') + 1).toLowerCase();
}

/** The exclusion of a role that takes a permission from it again, as it stands in the definition. */
export function exclusionOf(role: Role, permission: Permission, mode: RoleAssignmentMode): string | undefined {
  const { data, legacy } = permissionActions[permission];
  const isLegacy = mode === 'LegacyRegistryPermissions';
  const action = isLegacy ? legacy : data;
  const lists = role.definition.permissions.map((set) => (isLegacy ? set.notActions : set.notDataActions));
  return lists.flat().find((pattern) => pattern !== undefined && compileActionPattern(pattern)(action));
}

function ruleOf(includes: readonly string[] = [], excludes: readonly string[] = []): Rule {
  return { includes: includes.map(compileActionPattern), excludes: excludes.map(compileActionPattern) };
}

function gives({ includes, excludes }: Rule, action: string): boolean {
  return matchesAny(includes, action) && !matchesAny(excludes, action);
}

function isImplied(rule: Rule, action: string, impliedBy: string | undefined): boolean {
  return impliedBy !== undefined && gives(rule, impliedBy) && !matchesAny(rule.excludes, action);
}

function matchesAny(matchers: readonly Matcher[], action: string): boolean {
  return matchers.some((matcher) => matcher(action));
}

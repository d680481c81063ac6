export { parseArmScope, type Scope } from './arm-scope.ts';
export type { AssignedPrincipal, RoleAssignment } from './assignments.ts';
export { builtInRoles } from './built-in-roles.ts';
export type { ClaimPatterns } from './claims.ts';
export { conditionFor } from './condition-builder.ts';
export { parseCondition } from './condition-parser.ts';
export { decide, type Decision, decideManagement, type Target } from './decide.ts';
export { explain, type Explanation, type Outcome, type Reason } from './explain.ts';
export { explainManagement } from './explain-management.ts';
export { type Permission, permissionActions, permissions, type RoleAssignmentMode } from './permissions.ts';
export { compilePolicy, type Policy, type PolicySource } from './policy.ts';
export { type Grant, patternCovers, type Principal, type RepositoryPattern } from './principal.ts';
export { assignmentsOf, reachOf, roleGivesAction, roleNameOf } from './reach.ts';
export { canAny, mayList, type RepositoryFilter, repositoryFilter } from './repositories.ts';
export { permissionsOf, replacementsOf } from './role-choice.ts';
export { type RoleDefinition, roleKey, type RolePermission } from './roles.ts';
export { formatScopeMapActions, parseScopeMapActions, systemScopeMaps } from './scope-maps.ts';
export {
  actionsPermit,
  formatScope,
  grantedActions,
  parseScopes,
  registryScopes,
  type RequestedScope,
  type ScopeAction,
  scopeActions,
} from './scope-strings.ts';
export { standingRole } from './standing-role.ts';

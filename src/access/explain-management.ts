import { parseArmScope } from './arm-scope.ts';
import type { Assignment } from './assignments.ts';
import { builtInRoles } from './built-in-roles.ts';
import { decideManagement, judgeManagement } from './decide.ts';
import {
  allowingFirst,
  type Explanation,
  listOf,
  nothingConcerns,
  type Outcome,
  plainDetail,
  reasonBy,
  refusal,
} from './explain.ts';
import { type Policy, visitAssignments } from './policy.ts';
import { isAssignable, nameOf, type Principal } from './principal.ts';
import { compileRole, givesAction, type RoleDefinition } from './roles.ts';
import { compileActionPattern } from './wildcard.ts';

const roles = builtInRoles.map(compileRole);

/** What a role that somebody should not need may do, too; the more of these it gives, the larger it is. */
const weights = [
  'Microsoft.Authorization/roleAssignments/write',
  'Microsoft.Authorization/roleDefinitions/write',
  'Microsoft.Authorization/roleAssignments/delete',
  'Microsoft.ContainerRegistry/registries/write',
  'Microsoft.ContainerRegistry/registries/delete',
  'Microsoft.ContainerRegistry/registries/tokens/write',
  'Microsoft.Authorization/trustedIssuers/write',
  'Microsoft.ManagedIdentity/userAssignedIdentities/write',
  'Microsoft.ManagedIdentity/userAssignedIdentities/delete',
];

/** Says why `decideManagement` decides as it does, by every assignment that concerns the principal. */
export function explainManagement(policy: Policy, principal: Principal, action: string, scope: string): Explanation {
  const decision = decideManagement(policy, principal, action, scope);
  const who = nameOf(principal);
  const at = parseArmScope(scope);
  if (!at) return { ...decision, reasons: [], message: `${who} is refused ${action}: ${scope} is no id of a resource` };
  const assignments = new Set<Assignment>();
  visitAssignments(policy, principal, (assignment) => {
    assignments.add(assignment);
    return false;
  });
  const reasons = allowingFirst(
    [...assignments].map((assignment) => {
      const verdict = judgeManagement(assignment, action, at);
      if (verdict === 'role-lacks') return reasonBy(assignment, lack(assignment, action));
      if (verdict === 'condition-refuses') return reasonBy(assignment, refusal(assignment, [action], at.repository));
      return reasonBy(assignment, plainDetail(verdict, action));
    }),
  );
  const what = `${action} on ${scope}`;
  if (decision.allow) return { ...decision, reasons, message: `${who} is allowed ${what}: ${reasons[0]?.message}` };
  if (!isAssignable(principal)) {
    return { ...decision, reasons, message: `${who} is refused ${what}: the management API is for identities` };
  }
  const smallest = smallestRoleFor(action);
  const why = reasons.length === 0 ? nothingConcerns(principal) : listOf(reasons);
  const advice = smallest
    ? `The smallest built-in role that allows it is ${JSON.stringify(smallest.roleName)}`
    : `No built-in role allows it: make a custom one with the action ${action}`;
  const message = `${who} is refused ${what}: ${why}. ${advice}`;
  if (!smallest) return { ...decision, reasons, message };
  return { ...decision, reasons, message, suggestion: { id: smallest.id, roleName: smallest.roleName } };
}

function lack({ role }: Assignment, action: string): [Outcome, string] {
  const excluded = role!.definition.permissions
    .flatMap((set) => set.notActions ?? [])
    .find((pattern) => compileActionPattern(pattern)(action));
  return excluded === undefined
    ? ['action-missing', `does not give it: the role lacks the action ${action}`]
    : ['action-excluded', `does not give it: notActions of the role has ${excluded}`];
}

/** The built-in role with least beside what is asked for; of equals the first in the table. */
function smallestRoleFor(action: string): RoleDefinition | undefined {
  const fitting = roles.filter((role) => givesAction(role, action));
  const size = (role: (typeof roles)[number]) => weights.filter((other) => givesAction(role, other)).length;
  return fitting.toSorted((one, other) => size(one) - size(other))[0]?.definition;
}

import { RegistryError } from '../errors/index.ts';
import { parseArmScope, type Scope } from './arm-scope.ts';
import { compileClaims, type ClaimPatterns, type ClaimsMatcher } from './claims.ts';
import { compileCondition, type Evaluator } from './condition-evaluation.ts';
import { parseCondition } from './condition-parser.ts';
import { type Role, roleKey } from './roles.ts';

/** Whom an assignment is for. */
export type AssignedPrincipal =
  | { type: 'Identity'; id: string }
  | { type: 'Group'; issuer: string; group: string }
  /** Tokens of an issuer whose claims all match; in a pattern `*` stands for any characters. */
  | { type: 'Claims'; issuer: string; claims: ClaimPatterns };

/** An Azure role assignment (`Microsoft.Authorization/roleAssignments`). */
export interface RoleAssignment {
  id: string;
  name: string;
  /** An ARM id: `/`, a subscription, a resource group, a registry, or `…/registries/NAME/repositories/REPOSITORY`. */
  scope: string;
  roleDefinitionId: string;
  principal: AssignedPrincipal;
  condition?: string;
  conditionVersion?: '2.0';
  enabled?: boolean;
}

export interface Assignment {
  source: RoleAssignment;
  /** The answer where it allows, made once. */
  decision: { readonly allow: true; readonly by: string };
  /** Undefined where the definition is unknown. */
  role: Role | undefined;
  /** Undefined where it is malformed. */
  scope: Scope | undefined;
  /** Undefined where there is none; the refusal where it is malformed: then it grants nothing. */
  condition: Evaluator | RegistryError | undefined;
  /** Of `Claims` only. */
  claims: ClaimsMatcher | undefined;
}

/** Reads an assignment once. What is wrong with it never throws: it grants nothing, and `explain` says why. */
export function compileAssignment(source: RoleAssignment, roles: ReadonlyMap<string, Role>): Assignment {
  return {
    source,
    decision: Object.freeze({ allow: true, by: source.id }),
    role: roles.get(roleKey(source.roleDefinitionId)),
    scope: parseArmScope(source.scope),
    condition: evaluatorOf(source),
    claims: source.principal.type === 'Claims' ? compileClaims(source.principal.claims) : undefined,
  };
}

function evaluatorOf({ condition, conditionVersion }: RoleAssignment): Evaluator | RegistryError | undefined {
  // Null is what JSON has where there is none.
  if (condition == null) return undefined;
  if (conditionVersion != null && conditionVersion !== '2.0') {
    return new RegistryError('BAD_REQUEST', { message: 'the condition has a version that is not 2.0' });
  }
  try {
    return compileCondition(parseCondition(condition));
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

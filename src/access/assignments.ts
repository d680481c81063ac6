import { RegistryError } from '../errors/index.ts';
import { parseArmScope, type Scope, scopeCovers } from './arm-scope.ts';
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
  /** Undefined where the definition is unknown at this scope. */
  role: Role | undefined;
  /** Undefined where it is malformed. */
  scope: Scope | undefined;
  /** Undefined where there is none; the refusal where it is malformed: then it grants nothing. */
  condition: Evaluator | RegistryError | undefined;
  /** Of `Claims` only. */
  claims: ClaimsMatcher | undefined;
}

/** Conditions that were read, by their text; what is malformed with its refusal. */
export type Conditions = Map<string, Evaluator | RegistryError>;

/**
 * Reads an assignment once. What is wrong with it never throws: it grants nothing, and `explain` says why. Takes
 * conditions from those that were read `before`, and leaves all that it has in `conditions`.
 */
export function compileAssignment(
  source: RoleAssignment,
  roles: ReadonlyMap<string, Role>,
  conditions: Conditions,
  before?: Conditions,
): Assignment {
  const role = roles.get(roleKey(source.roleDefinitionId));
  const scope = parseArmScope(source.scope);
  return {
    source,
    decision: Object.freeze({ allow: true, by: source.id }),
    role: role && isKnownAt(role, scope) ? role : undefined,
    scope,
    condition: evaluatorOf(source, conditions, before),
    claims: source.principal.type === 'Claims' ? compileClaims(source.principal.claims) : undefined,
  };
}

/**
 * A role is known where it was made and below: whoever may write roles at one registry would else decide what those of its
 * GUID give elsewhere.
 */
function isKnownAt({ definition: { madeAt } }: Role, scope: Scope | undefined): boolean {
  if (madeAt === undefined || scope === undefined) return true;
  const place = parseArmScope(madeAt);
  return place !== undefined && scopeCovers(place, scope);
}

function evaluatorOf(
  { condition, conditionVersion }: RoleAssignment,
  conditions: Conditions,
  before: Conditions | undefined,
): Evaluator | RegistryError | undefined {
  // Null is what JSON has where there is none.
  if (condition == null) return undefined;
  if (conditionVersion != null && conditionVersion !== '2.0') {
    return new RegistryError('BAD_REQUEST', { message: 'the condition has a version that is not 2.0' });
  }
  const known = conditions.get(condition) ?? before?.get(condition) ?? readCondition(condition);
  conditions.set(condition, known);
  return known;
}

function readCondition(text: string): Evaluator | RegistryError {
  try {
    return compileCondition(parseCondition(text));
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
}

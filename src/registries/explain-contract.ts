import { z } from 'zod';
import { action } from '../operations/index.ts';

const words = (most: number) => z.string().min(1).max(most);

/** Whom an explanation is about: exactly one of them. Groups and claims may come with an identity, too. */
export const explainedPrincipal = {
  principalId: words(512).optional().describe('Of an identity.'),
  identityName: words(128).optional(),
  tokenName: words(50).optional().describe('A repository-scoped token.'),
  admin: z.boolean().optional().describe('The admin user.'),
  anonymous: z.boolean().optional().describe('Whoever shows no credentials.'),
  issuer: words(512).optional().describe('`iss` of the tokens that groups and claims come from.'),
  groups: z.array(words(256)).max(500).optional(),
  claims: z
    .record(words(128), z.unknown())
    .refine((claims) => Object.keys(claims).length <= 100, { message: 'must have at most 100 claims' })
    .optional(),
};

type Named = { [Key in keyof typeof explainedPrincipal]?: unknown };

export function namesOnePrincipal({ principalId, identityName, tokenName, admin, anonymous, ...outer }: Named) {
  const named = [principalId !== undefined, identityName !== undefined, tokenName !== undefined, admin, anonymous];
  const count = named.filter(Boolean).length;
  return count === 1 || (count === 0 && outer.issuer !== undefined);
}

export const onePrincipal = {
  message:
    'must name one of principalId, identityName, tokenName, admin, anonymous, or an issuer with groups or claims',
};

const reason = z.object({
  assignment: z.string().optional().describe('Id of a role assignment.'),
  role: z.string().optional(),
  scope: z.string().optional(),
  grant: z.object({ repository: z.string(), permissions: z.array(z.string()).readonly() }).optional(),
  outcome: z.string().describe('A word that stays the same: `allows`, `scope-elsewhere`, `condition-false` …'),
  message: z.string(),
});

/** Why somebody may do something, or may not. */
export const explanation = z.object({
  allowed: z.boolean(),
  message: z.string().describe('The whole, as a sentence.'),
  principal: z.object({ kind: z.string(), id: z.string(), name: z.string(), enabled: z.boolean() }),
  action: z.string().describe('The permission on data, or the action of the management API.'),
  scope: z.string(),
  repository: z.string().optional(),
  mode: z.string().optional().describe('How the registry reads role assignments.'),
  by: z.string().optional().describe('What allows it: the id of an assignment, or `grant`.'),
  reasons: z.array(reason).describe('All that concerns the principal, what allows first.'),
  notes: z.array(z.string()).describe('What else keeps it from working, or should be known.'),
  suggestion: z
    .object({
      roleDefinitionId: z.string().optional(),
      roleName: z.string().optional().describe('The smallest built-in role that would allow it.'),
      condition: z.string().optional(),
      command: z.string().describe('Grants it.'),
    })
    .optional(),
});

export type ExplainedAccess = z.output<typeof explanation>;

/** `POST …/registries/NAME/explainAccess`. */
export const explainAccess = action({
  description: 'Says why somebody may do something with the content of the registry, or may not.',
  permission: 'Microsoft.Authorization/roleAssignments/read',
  input: z
    .object({
      ...explainedPrincipal,
      action: words(64).describe('`pull`, `push`, `catalog` …, or a permission such as `content/read`.'),
      repository: words(256).optional(),
    })
    .refine(namesOnePrincipal, onePrincipal),
  output: explanation,
});

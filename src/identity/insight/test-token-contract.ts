import { z } from 'zod';
import { apiVersions, providerAction } from '../../operations/index.ts';

const compared = z.object({
  claim: z.string(),
  pattern: z.string(),
  values: z.array(z.string()).describe('What the token has there.'),
  matches: z.boolean(),
});

const comparison = z.object({
  id: z.string(),
  identity: z.string(),
  matches: z.boolean(),
  chosen: z
    .boolean()
    .describe(
      'Whether it is the one that makes the token an identity: of those that match the one that was written first.',
    ),
  message: z.string(),
  compared: z.array(compared),
});

/** What a token would become, and why. */
export const tokenReport = z.object({
  accepted: z.boolean(),
  message: z.string(),
  reason: z.string().optional().describe('A word: why it is refused.'),
  checks: z.array(
    z.object({
      check: z.string(),
      outcome: z.enum(['passed', 'failed', 'not reached']),
      message: z.string().optional(),
    }),
  ),
  issuer: z.object({ name: z.string(), issuer: z.string(), preset: z.string() }).optional(),
  verified: z.boolean().describe('Whether the claims are believed. Otherwise they are only what the token says.'),
  claims: z.array(z.object({ name: z.string(), value: z.string() })),
  claimsLeftOut: z.int(),
  subject: z.string().optional(),
  description: z.object({ kind: z.string(), name: z.string() }).optional(),
  groups: z.array(z.string()),
  groupsComplete: z.boolean(),
  expiresAt: z.string().optional(),
  credentials: z.array(comparison).describe('The federated credentials for its issuer.'),
  principal: z.object({ kind: z.string(), id: z.string(), name: z.string(), enabled: z.boolean() }).optional(),
  assignments: z.array(
    z.object({ id: z.string(), role: z.string(), scope: z.string(), condition: z.string().optional() }),
  ),
  registries: z.array(
    z.object({
      name: z.string(),
      mode: z.string(),
      permissions: z.array(z.object({ permission: z.string(), reach: z.enum(['all', 'some']) })),
    }),
  ),
  notes: z.array(z.string()),
});

export type TokenReport = z.output<typeof tokenReport>;

/** `POST GROUP/providers/Microsoft.ContainerRegistry/testToken`. The token is kept nowhere. */
export const testToken = providerAction({
  namespace: 'Microsoft.ContainerRegistry',
  name: 'testToken',
  level: 'group',
  description: 'Says what a token of an OIDC issuer would become here, and why.',
  apiVersions: apiVersions.containerRegistry,
  permission: 'Microsoft.Authorization/trustedIssuers/read',
  input: z.object({ token: z.string().min(1).max(16_384).describe('A JSON Web Token.') }),
  output: tokenReport,
});

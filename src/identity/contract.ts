import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';
import { trustedIssuerProperties } from './federation/index.ts';

const guid = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const guidName = { pattern: guid, says: 'the form of a GUID' };
const words = (most: number) => z.string().max(most);
/** Claims and what they must be; `*` in a value stands for any characters. */
const claimPatterns = z
  .record(words(128).min(1), words(512).min(1))
  .refine((claims) => Object.keys(claims).length <= 20, {
    message: 'must have at most 20 claims',
  });

/** A managed identity (design §5). */
export const identityType = resourceType({
  namespace: 'Microsoft.ManagedIdentity',
  path: 'userAssignedIdentities',
  description: 'An identity, to which roles are assigned. Its federated credentials say whose tokens it is.',
  name: { pattern: /^[a-zA-Z0-9][a-zA-Z0-9_-]{2,127}$/, says: '3 to 128 letters, digits, - and _' },
  apiVersions: apiVersions.managedIdentity,
  top: { location: 'optional', tags: true },
  properties: z.object({
    status: z
      .enum(['enabled', 'disabled'])
      .default('enabled')
      .describe('A disabled identity can do nothing, with tokens that were given out before either.'),
  }),
  readOnly: z.object({
    principalId: z.string().describe('What role assignments name.'),
    clientId: z.string(),
    tenantId: z.string(),
  }),
});

export const federatedCredentialType = resourceType({
  namespace: 'Microsoft.ManagedIdentity',
  path: 'userAssignedIdentities/federatedIdentityCredentials',
  description: 'Tokens of a trusted issuer that are an identity.',
  name: { pattern: /^[a-zA-Z0-9][a-zA-Z0-9_-]{2,119}$/, says: '3 to 120 letters, digits, - and _' },
  apiVersions: apiVersions.managedIdentity,
  most: 20,
  properties: z.object({
    issuer: z.string().min(1).max(512).describe('`iss` of the tokens, exactly: a trusted issuer has it.'),
    subject: words(512).min(1).optional().describe('`sub` of the tokens; `*` in it stands for any characters.'),
    audiences: z.array(words(512).min(1)).min(1).max(10).default(['bonded']).describe('One of them must be in `aud`.'),
    claims: claimPatterns.optional().describe('Further claims, each a pattern such as `acme/*`.'),
  }),
});

export const roleDefinitionType = resourceType({
  namespace: 'Microsoft.Authorization',
  path: 'roleDefinitions',
  description: 'A role: actions that whoever has it may do. The built-in ones cannot be changed.',
  name: guidName,
  apiVersions: apiVersions.authorization,
  scope: 'extension',
  properties: z.object({
    roleName: words(512).min(1),
    description: words(1024).default(''),
    permissions: z
      .array(
        z.object({
          actions: z.array(words(256)).max(200).default([]),
          notActions: z.array(words(256)).max(200).default([]),
          dataActions: z.array(words(256)).max(200).default([]),
          notDataActions: z.array(words(256)).max(200).default([]),
        }),
      )
      .min(1)
      .max(10),
    assignableScopes: z.array(words(2048)).max(100).default(['/']),
  }),
  readOnly: z.object({ type: z.enum(['BuiltInRole', 'CustomRole']) }),
});

export const roleAssignmentType = resourceType({
  namespace: 'Microsoft.Authorization',
  path: 'roleAssignments',
  description: 'Gives a role at a scope to an identity, a group, or whoever has certain claims.',
  name: guidName,
  apiVersions: apiVersions.authorization,
  scope: 'extension',
  properties: z.object({
    roleDefinitionId: words(2048).min(1),
    principalType: z.enum(['ServicePrincipal', 'User', 'Group', 'Claims']).default('ServicePrincipal'),
    principalId: words(512)
      .min(1)
      .optional()
      .describe('Of an identity its principalId; of a group its value in the groups claim.'),
    issuer: words(512).optional().describe('`iss` of the tokens whose groups or claims are meant.'),
    claims: claimPatterns.optional().describe('Of Claims: what tokens must have; `*` stands for any characters.'),
    description: words(1024).optional(),
    condition: words(8192).optional().describe('ABAC condition (version 2.0) on the name of the repository.'),
    conditionVersion: z.literal('2.0').optional(),
  }),
  readOnly: z.object({ scope: z.string(), createdOn: z.string(), updatedOn: z.string(), createdBy: z.string() }),
});

export const scopeMapType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/scopeMaps',
  description: 'What repository-scoped tokens may do.',
  most: 50_000,
  limit: 'scopeMaps',
  name: { pattern: /^[a-zA-Z0-9_-]{5,50}$/, says: '5 to 50 letters, digits, - and _' },
  apiVersions: apiVersions.containerRegistry,
  properties: z.object({
    description: words(256).optional(),
    actions: z.array(words(300)).min(1).max(500).describe('`repositories/REPOSITORY/content/read` and the like.'),
  }),
  readOnly: z.object({ type: z.string(), creationDate: z.string(), provisioningState: z.string() }),
});

export const tokenType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries/tokens',
  description: 'Somebody without an identity: a name with two passwords, for what a scope map says.',
  most: 50_000,
  limit: 'tokens',
  name: { pattern: /^[a-zA-Z0-9-]{5,50}$/, says: '5 to 50 letters, digits and -' },
  apiVersions: apiVersions.containerRegistry,
  properties: z.object({
    scopeMapId: words(2048).min(1),
    status: z.enum(['enabled', 'disabled']).default('enabled'),
    credentials: z
      .object({
        passwords: z
          .array(z.object({ name: z.enum(['password1', 'password2']) }))
          .max(2)
          .optional(),
      })
      .optional()
      .describe('Where a write has passwords, those that it does not name are deleted.'),
  }),
  secrets: ['credentials'],
  readOnly: z.object({ creationDate: z.string(), provisioningState: z.string() }),
});

export const trustedIssuerType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'trustedIssuers',
  description: 'An OIDC issuer whose tokens are accepted.',
  name: { pattern: /^[a-zA-Z0-9][a-zA-Z0-9_-]{1,63}$/, says: '2 to 64 letters, digits, - and _' },
  apiVersions: apiVersions.containerRegistry,
  most: 1000,
  // Whoever changes an issuer's keys can be everybody whom it vouches for: that is access, which Contributor may not manage.
  permissions: {
    read: 'Microsoft.Authorization/trustedIssuers/read',
    write: 'Microsoft.Authorization/trustedIssuers/write',
    delete: 'Microsoft.Authorization/trustedIssuers/delete',
  },
  properties: trustedIssuerProperties,
});

/** Everything that the directory is made of, beside registries. */
export const identityTypes = [
  identityType,
  federatedCredentialType,
  roleDefinitionType,
  roleAssignmentType,
  scopeMapType,
  tokenType,
  trustedIssuerType,
] as const;

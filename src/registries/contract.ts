import { z } from 'zod';
import { action, apiVersions, providerAction, resourceType } from '../operations/index.ts';
import { explainAccess } from './explain-contract.ts';
import { importImage } from './import-contract.ts';
import {
  exportPolicy,
  mostRegistryBytes,
  networkProperties,
  networkReadOnly,
  requireClosedForExport,
} from './network-contract.ts';
import { tagImmutability } from './tag-policy.ts';

/** A repository, those below a prefix (`team/*`), or `*` for all. */
const repositoryPattern = z
  .string()
  .max(256)
  .regex(/^(?:\*|[a-z0-9][a-z0-9._/-]*(?:\/\*)?)$/, 'must be a repository, PREFIX/* or *');

const enabled = z.enum(['enabled', 'disabled', 'Enabled', 'Disabled']);

const credentials = z.object({
  username: z.string(),
  passwords: z.array(
    z.object({
      name: z.string(),
      value: z.string(),
      creationTime: z.string().optional(),
      expiry: z.string().optional(),
    }),
  ),
});

/** A registry (acr §4.1). Its further properties come with what they are for. */
export const registryType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'registries',
  description: 'A registry: a set of repositories under a name of its own.',
  name: { pattern: /^[a-zA-Z0-9]{5,50}$/, says: '5 to 50 letters and digits' },
  apiVersions: apiVersions.containerRegistry,
  top: {
    location: 'optional',
    tags: true,
    sku: z.object({ name: z.enum(['Basic', 'Standard', 'Premium']) }),
  },
  properties: z
    .object({
      adminUserEnabled: z
        .boolean()
        .default(false)
        .describe('Whether the admin user, whose name is that of the registry, may log in with its passwords.'),
      anonymousPullEnabled: z.boolean().default(false).describe('Whether everybody may pull everything.'),
      anonymousPullRepositories: z
        .array(repositoryPattern)
        .max(100)
        .default([])
        .describe('Repositories, or PREFIX/*, from which everybody may pull.'),
      roleAssignmentMode: z
        .enum(['LegacyRegistryPermissions', 'AbacRepositoryPermissions'])
        .default('AbacRepositoryPermissions')
        .describe(
          'Whether role assignments are read by their actions or by their data actions. A switch ends all logins.',
        ),
      ...networkProperties,
      tagImmutability: tagImmutability
        .optional()
        .describe('Which tags may move to another digest once they are there. All, where it is not set.'),
      repositoryPolicies: z
        .array(z.object({ repository: repositoryPattern, tagImmutability }))
        .max(100)
        .refine((policies) => new Set(policies.map(({ repository }) => repository)).size === policies.length, {
          message: 'must name each repository once',
        })
        .optional()
        .describe('What applies to some repositories instead; what names a repository most exactly counts.'),
      policies: z
        .object({
          azureADAuthenticationAsArmPolicy: z.object({ status: enabled }).optional(),
          exportPolicy: exportPolicy.optional(),
        })
        .partial()
        .optional()
        .describe('Policies of the registry.'),
    })
    .superRefine(requireClosedForExport),
  mostBytes: mostRegistryBytes,
  readOnly: z.object({
    ...networkReadOnly,
    loginServer: z.string().describe('Where clients log in.'),
    creationDate: z.string(),
    provisioningState: z.string(),
  }),
  most: 1000,
  actions: {
    explainAccess,
    importImage,
    generateCredentials: action({
      description: 'Makes passwords of a repository-scoped token. They are shown this once.',
      input: z.object({
        tokenId: z.string().max(2048),
        name: z.enum(['password1', 'password2']).optional(),
        expiry: z.iso.datetime({ offset: true }).optional(),
      }),
      output: credentials,
    }),
    listCredentials: action({
      description: 'Makes those passwords of the admin user that there are not yet. They are shown this once.',
      output: credentials,
    }),
    regenerateCredential: action({
      description: 'Replaces a password of the admin user. It is shown this once.',
      input: z.object({ name: z.enum(['password', 'password2']) }),
      output: credentials,
    }),
  },
});

/** Whether a registry may be called so. */
export const checkNameAvailability = providerAction({
  namespace: 'Microsoft.ContainerRegistry',
  name: 'checkNameAvailability',
  description: 'Whether a registry of that name can be created.',
  apiVersions: apiVersions.containerRegistry,
  input: z.object({ name: z.string().max(256), type: z.string().max(256).optional() }),
  output: z.object({ nameAvailable: z.boolean(), reason: z.string().optional(), message: z.string().optional() }),
});

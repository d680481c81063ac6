import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';

/** A repository, those below a prefix (`team/*`), or `*` for all. */
const repositoryPattern = z
  .string()
  .max(256)
  .regex(/^(?:\*|[a-z0-9][a-z0-9._/-]*(?:\/\*)?)$/, 'must be a repository, PREFIX/* or *');

const enabled = z.enum(['enabled', 'disabled', 'Enabled', 'Disabled']);

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
  properties: z.object({
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
    policies: z
      .object({ azureADAuthenticationAsArmPolicy: z.object({ status: enabled }).optional() })
      .partial()
      .optional()
      .describe('Policies of the registry.'),
  }),
  readOnly: z.object({
    loginServer: z.string().describe('Where clients log in.'),
    creationDate: z.string(),
    provisioningState: z.string(),
  }),
});

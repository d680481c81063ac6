import { z } from 'zod';
import { apiVersions, providerAction } from '../../operations/index.ts';
import { explainedPrincipal, explanation, namesOnePrincipal, onePrincipal } from '../../registries/index.ts';

/** `POST GROUP/providers/Microsoft.Authorization/explainAccess`. */
export const explainManagementAccess = providerAction({
  namespace: 'Microsoft.Authorization',
  name: 'explainAccess',
  level: 'group',
  description: 'Says why somebody may do an action of the management API, or may not.',
  apiVersions: apiVersions.authorization,
  permission: 'Microsoft.Authorization/roleAssignments/read',
  input: z
    .object({
      ...explainedPrincipal,
      action: z
        .string()
        .max(256)
        .regex(/^[A-Za-z.]+\/[A-Za-z/]+$/, 'must be an action such as Microsoft.ContainerRegistry/registries/write'),
      scope: z.string().min(1).max(2048).describe('ARM id of what it would be done to.'),
    })
    .refine(namesOnePrincipal, onePrincipal),
  output: explanation,
});

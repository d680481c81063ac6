import { permissionActions } from './permissions.ts';
import type { RoleDefinition } from './roles.ts';

const name = '6d0f2a4e-51c7-4b0e-9a35-0c1f6a7d2e91';

/**
 * What no role of Azure's has, to see and to restore what was deleted, for whoever may do everything by the configuration.
 * Not listed among the built-in roles, and never suggested: others have it by a role of their own.
 */
export const standingRole: RoleDefinition = {
  id: `/providers/Microsoft.Authorization/roleDefinitions/${name}`,
  name,
  roleName: 'Restorer of deleted artifacts',
  description: 'See, restore and purge what was deleted.',
  type: 'BuiltInRole',
  permissions: [
    {
      actions: [],
      notActions: [],
      dataActions: [permissionActions['deleted/read'].data, permissionActions['deleted/restore'].data],
      notDataActions: [],
    },
  ],
  assignableScopes: ['/'],
};

import { buildRouteMap } from '@stricli/core';
import { roleAssignmentRoutes } from './assignments.ts';
import { roleDefinitionRoutes } from './definitions.ts';

export const roleRoutes = buildRouteMap({
  routes: { definition: roleDefinitionRoutes, assignment: roleAssignmentRoutes },
  docs: { brief: 'Roles, and who has them' },
});

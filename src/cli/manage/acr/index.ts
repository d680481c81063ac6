import { buildRouteMap } from '@stricli/core';
import { scopeMapRoutes } from '../token/scope-maps.ts';
import { tokenRoutes } from '../token/index.ts';
import { adminRoutes } from './credentials.ts';
import {
  checkName,
  createRegistry,
  deleteRegistry,
  listRegistries,
  showRegistry,
  updateRegistry,
} from './registries.ts';
import { showUsage } from './usage.ts';

export const registryRoutes = buildRouteMap({
  routes: {
    create: createRegistry,
    show: showRegistry,
    list: listRegistries,
    update: updateRegistry,
    delete: deleteRegistry,
    checkName,
    showUsage,
    credential: adminRoutes,
    scopeMap: scopeMapRoutes,
    token: tokenRoutes,
  },
  docs: {
    brief: 'Registries, and what has no identity: tokens, scope maps, the admin user',
    fullDescription: 'Registries, and what has no identity. In the words of `az acr`.',
  },
});

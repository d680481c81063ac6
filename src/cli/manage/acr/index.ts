import { buildRouteMap } from '@stricli/core';
import { connectionRoutes } from '../network/connections.ts';
import { showEndpoints } from '../network/endpoints.ts';
import { networkRuleRoutes } from '../network/rules.ts';
import { scopeMapRoutes } from '../token/scope-maps.ts';
import { tokenRoutes } from '../token/index.ts';
import { checkHealthCommand } from '../../health/command.ts';
import { lock, manifestRoutes, metadataRoutes, query, repositoryRoutes, tagRoutes, unlock } from '../content/index.ts';
import { replicationRoutes } from '../replication/index.ts';
import { adminRoutes } from './credentials.ts';
import { importCommand } from './import.ts';
import {
  checkName,
  createRegistry,
  deleteRegistry,
  listRegistries,
  showRegistry,
  updateRegistry,
} from './registries.ts';
import { configRoutes } from './soft-delete.ts';
import { usageRoutes } from './storage-usage.ts';
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
    checkHealth: checkHealthCommand,
    import: importCommand,
    usage: usageRoutes,
    config: configRoutes,
    credential: adminRoutes,
    replication: replicationRoutes,
    networkRule: networkRuleRoutes,
    privateEndpointConnection: connectionRoutes,
    showEndpoints,
    repository: repositoryRoutes,
    manifest: manifestRoutes,
    tag: tagRoutes,
    metadata: metadataRoutes,
    query,
    lock,
    unlock,
    scopeMap: scopeMapRoutes,
    token: tokenRoutes,
  },
  aliases: { privateEndpoint: 'privateEndpointConnection' },
  docs: {
    brief: 'Registries, what is in them, and what has no identity: tokens, scope maps, the admin user',
    fullDescription: 'Registries, what is in them, and what has no identity. In the words of `az acr`.',
  },
});

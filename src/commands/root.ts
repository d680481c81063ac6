import { buildRouteMap } from '@stricli/core';
import {
  certRoutes,
  completion,
  dockerCredential,
  kubeletCredentialProvider,
  login,
  logout,
  manageAliases,
  manageRoutes,
} from '../cli/index.ts';
import { configRoutes } from './check-config.ts';
import { fsck } from './fsck.ts';
import { gc } from './gc.ts';
import { nodes } from './nodes.ts';
import { ready } from './ready.ts';
import { serve } from './serve.ts';
import { worker } from './worker.ts';

/** All commands of the program. */
export const root = buildRouteMap({
  routes: {
    serve,
    ready,
    gc,
    fsck,
    nodes,
    login,
    logout,
    ...manageRoutes,
    config: configRoutes,
    cert: certRoutes,
    completion,
    dockerCredential,
    kubeletCredentialProvider,
    worker,
  },
  aliases: manageAliases,
  docs: { brief: 'A private registry for container images and OCI artifacts', hideRoute: { worker: true } },
});

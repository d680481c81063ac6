import { buildRouteMap } from '@stricli/core';
import packageFile from '../package.json' with { type: 'json' };
import {
  argumentsOf,
  certRoutes,
  createApplication,
  createContext,
  dockerCredential,
  kubeletCredentialProvider,
  login,
  logout,
  manageAliases,
  manageRoutes,
  runCommand,
} from './cli/index.ts';
import { configRoutes, fsck, gc, nodes, ready, serve, worker } from './commands/index.ts';

// Facts, content and keys are for this user alone, also in a directory that others may read.
process.umask(0o077);

const root = buildRouteMap({
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
    dockerCredential,
    kubeletCredentialProvider,
    worker,
  },
  aliases: manageAliases,
  docs: { brief: 'A private registry for container images and OCI artifacts', hideRoute: { worker: true } },
});

await runCommand(
  createApplication(root, packageFile.version),
  argumentsOf(process.argv0, process.argv.slice(2)),
  createContext(process, process.env),
);

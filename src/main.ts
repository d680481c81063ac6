import { buildApplication, buildRouteMap, run } from '@stricli/core';
import packageFile from '../package.json' with { type: 'json' };
import { certRoutes, createContext, login, logout, text } from './cli/index.ts';
import { configRoutes, fsck, gc, nodes, ready, serve, worker } from './commands/index.ts';

// Facts, content and keys are for this user alone, also in a directory that others may read.
process.umask(0o077);

const root = buildRouteMap({
  routes: { serve, ready, gc, fsck, nodes, login, logout, config: configRoutes, cert: certRoutes, worker },
  docs: { brief: 'A private registry for container images and OCI artifacts', hideRoute: { worker: true } },
});

const application = buildApplication(root, {
  name: 'bonded',
  versionInfo: { currentVersion: packageFile.version },
  scanner: { caseStyle: 'allow-kebab-for-camel' },
  documentation: { caseStyle: 'convert-camel-to-kebab' },
  localization: { text },
});

await run(application, process.argv.slice(2), createContext(process, process.env));

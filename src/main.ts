import packageFile from '../package.json' with { type: 'json' };
import { argumentsOf, createApplication, createContext, runCommand } from './cli/index.ts';
import { root } from './commands/index.ts';

// Facts, content and keys are for this user alone, also in a directory that others may read.
process.umask(0o077);

await runCommand(
  createApplication(root, packageFile.version),
  argumentsOf(process.argv0, process.argv.slice(2)),
  createContext(process, process.env),
);

import packageFile from '../package.json' with { type: 'json' };
import { inventoryCommand, runInventory } from './inventory/index.ts';

// Facts, content and keys are for this user alone, also in a directory that others may read.
process.umask(0o077);

if (process.argv[2] === inventoryCommand) {
  // Again and again: it loads nothing that it does not need, which takes ten times as long.
  await runInventory();
} else {
  const [{ argumentsOf, createApplication, createContext, runCommand }, { root }] = await Promise.all([
    import('./cli/index.ts'),
    import('./commands/index.ts'),
  ]);
  await runCommand(
    createApplication(root, packageFile.version),
    argumentsOf(process.argv0, process.argv.slice(2)),
    createContext(process, process.env),
  );
}

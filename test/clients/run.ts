/*
 * npm run test:clients [-- --database sqlite|postgresql --only WORD]: pushes and pulls by real clients, and replays of
 * those that cannot run here. Its last line is `N passed, N failed, N skipped`. With CI=true or BONDED_NO_SKIP=1 a test
 * that cannot run fails.
 *
 * --networks: the same from a network of its own, to a registry that only a private endpoint leads to; and from two others,
 * from which every client has to be refused.
 */
import { add, countLine, noCounts } from '../runner/counts.ts';
import { readOptions } from '../runner/options.ts';
import { clients } from './clients.ts';
import { chooseDatabases, mayNotSkip, onEachDatabase } from './databases.ts';
import { makeImages } from './images.ts';
import { runFromNetworks } from './networks.ts';
import { startRegistry } from './registry.ts';
import { type Outcome, runTest } from './run-test.ts';
import { createSandbox } from './sandbox.ts';

const { values } = await readOptions(import.meta.path, {
  options: { database: { type: 'string' }, only: { type: 'string' }, networks: { type: 'boolean' } },
});
let counts = noCounts;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function report(name: string, outcome: Outcome): void {
  if (outcome.kind === 'absent') return;
  const failed = outcome.kind === 'failed' || (outcome.kind === 'skipped' && mayNotSkip);
  const mark = failed ? 'FAIL' : outcome.kind === 'skipped' ? 'skip' : 'ok  ';
  const seconds = 'seconds' in outcome ? `  ${outcome.seconds.toFixed(1)} s` : '';
  const reason = 'reason' in outcome ? `\n      ${outcome.reason.replaceAll('\n', '\n      ')}` : '';
  console.log(`${mark}  ${name}${seconds}${reason}`);
  counts = add(counts, {
    passed: outcome.kind === 'passed' ? 1 : 0,
    failed: failed ? 1 : 0,
    skipped: outcome.kind === 'skipped' && !failed ? 1 : 0,
  });
}

if (values.networks) {
  const own = await runFromNetworks(values.only, report);
  counts = add(counts, own);
} else {
  await using sandbox = await createSandbox();
  const images = makeImages(sandbox);
  await onEachDatabase(
    chooseDatabases(values.database),
    async (database) => {
      await using registry = await startRegistry();
      console.log(database);
      for (const [client, tests] of Object.entries(clients)) {
        for (const test of tests) {
          const name = `${client} ${test.name}`;
          if (values.only !== undefined && !name.includes(values.only)) continue;
          report(name, await runTest(test, { registry, images, sandbox }));
        }
      }
    },
    (reason) => report('PostgreSQL', { kind: 'skipped', reason }),
  );
}
console.log(countLine(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;

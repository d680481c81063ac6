/*
 * npm run conformance [-- --database sqlite|postgresql]: the OCI distribution-spec conformance suite against Bonded,
 * every workflow on each database. Its last line is `N passed, N failed, N skipped`.
 */
import { chooseDatabases, mayNotSkip, onEachDatabase } from '../clients/databases.ts';
import { add, countLine, noCounts } from '../runner/counts.ts';
import { readOptions } from '../runner/options.ts';
import { findSuite, runWorkflow } from './suite.ts';
import { workflows } from './workflows.ts';

const { values } = await readOptions(import.meta.path, { options: { database: { type: 'string' } } });
let counts = noCounts;

function skip(reason: string): void {
  console.log(`${mayNotSkip ? 'FAIL' : 'skip'}  ${reason}`);
  counts = add(counts, { passed: 0, failed: mayNotSkip ? 1 : 0, skipped: mayNotSkip ? 0 : 1 });
}

const program = findSuite();
if (program === undefined) {
  skip('the program `conformance` of github.com/opencontainers/distribution-spec/conformance is not on PATH');
} else {
  await onEachDatabase(
    chooseDatabases(values.database),
    async (database) => {
      for (const workflow of workflows) {
        const started = performance.now();
        const verdict = await runWorkflow(program, workflow).catch((error: Error) => ({
          counts: { ...noCounts, failed: 1 },
          failures: [error.message],
        }));
        counts = add(counts, verdict.counts);
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        console.log(`${database}, OCI ${workflow.name}: ${countLine(verdict.counts)} in ${seconds} s`);
        for (const failure of verdict.failures) console.log(`  FAIL ${failure.replaceAll('\n', '\n       ')}`);
        for (const [name, reason] of Object.entries(workflow.leftOut)) console.log(`  left out: ${name}: ${reason}`);
      }
    },
    skip,
  );
}
console.log(countLine(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;

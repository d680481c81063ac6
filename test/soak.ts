/*
 * npm run soak [-- SUITE… --kills N --cuts N --runs N --histories N --seed N]: the random tests for hours instead of
 * seconds: 10,000 kills, 100,000 power cuts, 10,000,000 inputs for each parser, 100,000 histories. Smaller counts do a
 * part of it; every part draws other random numbers, so that parts add up. Its last line is
 * `N passed, N failed, N skipped`.
 */
import { join } from 'node:path';
import { readOptions } from './runner/options.ts';
import { runAll } from './runner/run-all.ts';
import type { Suite } from './runner/suite.ts';
import { suites } from './suites.ts';

const random = new Set(['pure', 'sqlite', 'postgres', 'crash', 's3', 'nodes']);

const { values, positionals } = await readOptions(import.meta.path, {
  allowPositionals: true,
  options: {
    kills: { type: 'string' },
    cuts: { type: 'string' },
    runs: { type: 'string' },
    histories: { type: 'string' },
    seed: { type: 'string', default: String(1 + (Date.now() % 1_000_000)) },
  },
});

for (const [name, value] of Object.entries(values)) {
  if (/^[1-9]\d{0,8}$/.test(value)) continue;
  console.error(`--${name} ${value}: must be a number of at least 1`);
  process.exit(2);
}

/** Counts that were named, in place of those of the suite. */
function counted(suite: Suite): Suite {
  const { kills, cuts, seed } = values;
  const runs = suite.name === 'pure' ? values.runs : values.histories;
  const changed =
    suite.name === 'crash'
      ? {
          ...(kills && { BONDED_TEST_KILLS: kills }),
          ...(cuts && { BONDED_TEST_CUTS: cuts }),
          BONDED_TEST_SEED: seed,
        }
      : { ...(runs && { BONDED_TEST_RUNS: runs }) };
  return { ...suite, environment: { ...suite.environment, soak: { ...suite.environment?.soak, ...changed } } };
}

const began = performance.now();
const chosen = suites.filter(
  ({ name }) => random.has(name) && (positionals.length === 0 || positionals.includes(name)),
);
for (const suite of chosen) {
  console.log(`${suite.name.padEnd(16)}${JSON.stringify(counted(suite).environment?.soak ?? {})}`);
}
process.on('exit', () => console.error(`soaked for ${((performance.now() - began) / 60_000).toFixed(1)} minutes`));
process.exitCode = await runAll(suites.filter(({ name }) => random.has(name)).map(counted), {
  root: join(import.meta.dir, '..'),
  names: positionals,
  profile: 'soak',
  ci: false,
  freshClone: false,
  mayNotSkip: false,
  live: true,
});

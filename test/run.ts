/*
 * npm test [-- NAME… --verbose --list]: runs the suites of suites.ts that this machine has the tools for.
 * Its last line is `N passed, N failed, N skipped`, over the tests of all suites; a suite that is skipped counts as
 * one. With CI=true or BONDED_NO_SKIP=1, skipping is failing.
 */
import { join } from 'node:path';
import { readOptions } from './runner/options.ts';
import { runAll } from './runner/run-all.ts';
import { suites } from './suites.ts';

const { values, positionals } = await readOptions(import.meta.path, {
  allowPositionals: true,
  options: { verbose: { type: 'boolean' }, list: { type: 'boolean' } },
});

if (values.list) {
  for (const { name, shows } of suites) console.log(`${name.padEnd(16)}${shows}`);
} else {
  const ci = process.env['CI'] === 'true';
  process.exitCode = await runAll(suites, {
    root: join(import.meta.dir, '..'),
    names: positionals,
    profile: ci ? 'ci' : 'small',
    ci,
    freshClone: process.env['BONDED_FRESH_CLONE'] === '1',
    mayNotSkip: ci || process.env['BONDED_NO_SKIP'] === '1',
    live: values.verbose ?? false,
  });
}

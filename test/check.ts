/*
 * npm run check [-- NAME…]: what can be told of the code without running it. Ends with the count line.
 */
import { join } from 'node:path';
import { runCommand } from './runner/command.ts';
import { countLine, type Counts, noCounts, readBunSummary } from './runner/counts.ts';

const root = join(import.meta.dir, '..');
/** The launchers want a newer Node than a machine may have; Bun runs them as well. */
const tool = (name: string) => [process.execPath, '--bun', join(root, 'node_modules', '.bin', name)];

/** The limit of any of them (ms). */
const limitMs = 5 * 60_000;

/** Each is one test, but for the architecture, which has a test a rule. */
const checks: Record<string, string[]> = {
  types: [...tool('tsc'), '--noEmit', '-p', '.'],
  lint: [...tool('oxlint'), '--type-aware', '--format=unix', '--report-unused-disable-directives'],
  format: [...tool('oxfmt'), '--check'],
  unused: [...tool('knip'), '--no-config-hints'],
  architecture: [process.execPath, 'test', '--only-failures', './test/architecture.test.ts'],
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in checks));
if (unknown !== undefined) {
  console.error(`there is no check ${unknown}; there are ${Object.keys(checks).join(', ')}`);
  process.exit(2);
}

const total: Counts = { ...noCounts };
for (const [name, command] of Object.entries(checks)) {
  if (names.length > 0 && !names.includes(name)) continue;
  // Colours would hide the words from whoever searches the output.
  const environment = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };
  const ended = await runCommand(command, { cwd: root, environment, limitMs, live: false });
  const good = ended.code === 0;
  console.log(`${name.padEnd(14)}${good ? 'good' : 'FAILED'}  ${ended.seconds.toFixed(1)} s`);
  if (!good) console.log(ended.output.trimEnd().replaceAll(/^/gm, '  '));
  const counts = (name === 'architecture' ? readBunSummary(ended.output) : undefined) ?? noCounts;
  total.passed += counts.passed || (good ? 1 : 0);
  total.failed += counts.failed || (good ? 0 : 1);
  total.skipped += counts.skipped;
}
console.log(countLine(total));
process.exitCode = total.failed > 0 ? 1 : 0;

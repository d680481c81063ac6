/*
 * npm run bench [-- NAME… --smoke --long --rounds N --directory DIR --list]: measures Bonded beside what is found of the other
 * registries and nginx, on the same disk, in alternation. All shapes together write bench/results.md. The last line is
 * `N passed, N failed, N skipped`: a row passes when it has figures, whatever they are.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../test/runner/options.ts';
import { positive } from './options.ts';
import { runShapes } from './run-shapes.ts';
import { shapes } from './shapes/index.ts';
import { results, tables } from './results.ts';
import type { Scale } from './shape.ts';
import { currentLoad } from './surroundings.ts';
import { makeWorkplace } from './workplace.ts';

const mib = 1024 ** 2;
const scales: Record<'full' | 'smoke', Scale> = {
  full: { blobBytes: 256 * mib, seconds: 2, rounds: 5, crowd: 1, brief: false, memoryBytes: 1536 * mib },
  smoke: { blobBytes: 16 * mib, seconds: 0.3, rounds: 1, crowd: 0.02, brief: true, memoryBytes: 0 },
};

const { values, positionals } = await readOptions(import.meta.path, {
  allowPositionals: true,
  options: {
    smoke: { type: 'boolean' },
    long: { type: 'boolean' },
    rounds: { type: 'string' },
    directory: { type: 'string' },
    list: { type: 'boolean' },
  },
});
const unknown = positionals.find((name) => !shapes.some((shape) => shape.name === name));
if (unknown !== undefined) {
  console.error(`there is no shape ${unknown}; there are ${shapes.map((shape) => shape.name).join(', ')}`);
  process.exit(2);
}
if (values.list) {
  for (const { name, about } of shapes) console.log(`${name.padEnd(16)}${about}`);
  process.exit(0);
}
const { smoke = false, long = false } = values;
const chosen = shapes.filter((shape) =>
  positionals.length > 0 ? positionals.includes(shape.name) : !smoke || long === (shape.long ?? false),
);
const scale = { ...scales[smoke ? 'smoke' : 'full'] };
scale.rounds = Math.ceil(positive('--rounds', values.rounds, scale.rounds));

const loadBefore = currentLoad();
const began = performance.now();
const directory = makeWorkplace(values.directory ?? tmpdir(), 'bonded-bench-');
const { outcomes, counts } = await runShapes(chosen, { scale, directory });
console.log(`\n${tables(outcomes)}`);
if (!smoke && positionals.length === 0 && counts.failed === 0) {
  const minutes = (performance.now() - began) / 60_000;
  await Bun.write(join(import.meta.dir, 'results.md'), results(outcomes, { scale, directory, loadBefore, minutes }));
  console.log('written to bench/results.md');
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

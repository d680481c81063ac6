/*
 * npm run bench:scale [-- --size N --database sqlite|postgres --rounds N --seconds S --seed TEXT --directory DIR --write]:
 * fills a registry with N tags (1,000,000), a tenth as many repositories and five times as many blobs, and measures it
 * beside a small one, in alternation. At full size, or told to, it writes bench/scale/results.md and plans/, for the
 * databases that were measured. The last line is `N passed, N failed, N skipped`: a row passes when it has figures, whatever they are.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../../test/runner/options.ts';
import { findPostgres, startPostgres } from '../../test/support/postgres.ts';
import { positive } from '../options.ts';
import { currentLoad, diskOf, machine } from '../surroundings.ts';
import { makeWorkplace } from '../workplace.ts';
import { measureScale, type Options, type Outcome } from './rounds.ts';
import { tableOf } from './report.ts';
import { writePlans } from './plans.ts';

const fullSize = 1_000_000;

const { values } = await readOptions(import.meta.path, {
  options: {
    size: { type: 'string' },
    database: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    directory: { type: 'string' },
    smoke: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

const known = ['sqlite', 'postgres'];
const databases = values.database ?? known;
const unknown = databases.find((database) => !known.includes(database));
if (unknown !== undefined) {
  console.error(`--database ${unknown}: must be ${known.join(' or ')}`);
  process.exit(2);
}
const size = positive('--size', values.size, values.smoke ? 5000 : fullSize);
const options: Omit<Options, 'directory' | 'postgres'> = {
  size,
  seed: values.seed ?? 'bonded',
  rounds: positive('--rounds', values.rounds, values.smoke ? 1 : 5),
  seconds: positive('--seconds', values.seconds, values.smoke ? 0.1 : 1),
};
const loadBefore = currentLoad();
const counts = { passed: 0, failed: 0, skipped: 0 };
const outcomes: Outcome[] = [];
const directory = makeWorkplace(values.directory ?? tmpdir(), 'bonded-scale-');
for (const database of databases) {
  if (database === 'postgres' && !findPostgres()) {
    console.log('PostgreSQL was not found, so it is not measured');
    counts.skipped++;
    continue;
  }
  try {
    const outcome = await measureOn(database);
    counts.passed += outcome.lines.length;
    outcomes.push(outcome);
    console.log(`\n${sectionOf(outcome)}`);
  } catch (error) {
    counts.failed++;
    console.error(`${database}:`, error);
  }
}
if ((values.write || size === fullSize) && counts.failed === 0) await writeResults();
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);

async function measureOn(database: string): Promise<Outcome> {
  const cluster = database === 'postgres' ? await startPostgres() : undefined;
  try {
    const place = join(directory, database);
    return await measureScale({ ...options, directory: place, postgres: cluster?.url });
  } finally {
    await cluster?.stop();
  }
}

function sectionOf({ name, large, held, heldSmall, lines, notes }: Outcome): string {
  const load = `Load average before the start: ${loadBefore.toFixed(2)}`;
  const facts = [
    `${new Date().toISOString().slice(0, 10)}, ${options.rounds} rounds of ${options.seconds} s for each operation and registry, in turning order; medians.`,
    `${machine()}; ${diskOf(directory)}.`,
    `${load}${loadBefore > 0.5 ? ', so somebody else was at work: take the times with care' : ''}.`,
    `The large registry: ${held}; ${Math.round(large.mib)} MiB of facts, made in ${Math.round(large.seconds)} s. The small one: ${heldSmall}. Both from the seed \`${options.seed}\`.`,
    ...notes,
  ];
  return [`## ${name}`, '', ...facts.map((fact) => `- ${fact}`), '', tableOf(lines), ''].join('\n');
}

/** Replaces what the file says of the databases that were measured. */
async function writeResults(): Promise<void> {
  const file = Bun.file(join(import.meta.dir, 'results.md'));
  const [, ...before] = (await file.exists()) ? (await file.text()).split(/^(?=## )/m) : [''];
  const sections = new Map(before.map((section) => [section.split('\n', 1)[0]!.slice(3), section.trimEnd()]));
  for (const outcome of outcomes) {
    sections.set(outcome.name, sectionOf(outcome).trimEnd());
    await writePlans(join(import.meta.dir, 'plans', `${outcome.name.toLowerCase()}.txt`), outcome.large, outcome.plans);
  }
  const ordered = [...sections].toSorted(([one], [other]) => (one < other ? 1 : -1)).map(([, section]) => section);
  const text = [
    '# A registry of a million tags',
    `Written by \`npm run bench:scale\`. Facts are made directly in the database; their bytes are not there and not read.
Ratios are of figures of the same round: what disturbs one registry disturbs the other. Four connections of a bare client
take their part of every time; processor time is that of the server and of PostgreSQL alone. How the databases run each
statement at this size: [plans/](plans).`,
    ...ordered,
  ];
  await Bun.write(file, `${text.join('\n\n')}\n`);
  console.log('written to bench/scale/results.md and bench/scale/plans/');
}

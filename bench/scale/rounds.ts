import { checkTime, collectTime, startTime } from './background.ts';
import { type Cost, costOf, type Running } from './measure.ts';
import { operations } from './operations.ts';
import { planText } from './plans.ts';
import { makeRegistry, postmasterOf, type Registry, serve } from './registry.ts';
import { type Line, lineOf } from './report.ts';
import { worldOf } from './world.ts';

export interface Options {
  /** Tags of the large registry. */
  size: number;
  seed: string;
  rounds: number;
  /** Of one operation, on one registry, in one round. */
  seconds: number;
  directory: string;
  /** A cluster, where PostgreSQL is measured. */
  postgres: string | undefined;
}

export interface Outcome {
  name: 'SQLite' | 'PostgreSQL';
  large: Registry;
  /** What they hold, in words. */
  held: string;
  heldSmall: string;
  lines: Line[];
  notes: string[];
  plans: string;
  /** Statements that are not cheap at this size. */
  faults: string[];
}

/** Tags of the small registry: enough for the pages that are compared. */
const smallSize = 2000;

/** Makes both registries on one database, and measures everything. */
export async function measureScale(options: Options): Promise<Outcome> {
  const { size, seed, directory, postgres } = options;
  const name = postgres ? 'PostgreSQL' : 'SQLite';
  const small = await makeRegistry('small', worldOf(smallSize, seed), directory, postgres);
  console.log(`${name}: filling a registry with ${size} tags`);
  const large = await makeRegistry('large', worldOf(size, seed), directory, postgres);
  console.log(`${name}: filled in ${large.seconds.toFixed(0)} s, ${large.mib.toFixed(0)} MiB`);
  const pair = [small, large] as const;
  const lines = await measureRequests(pair, options);
  lines.push(await alternate('garbage collection of a blob', 'ms', pair, options, (one) => collectTime(one, 200), 1.3));
  lines.push(await alternate('start to first answer, from source', 'ms', pair, options, startTime, 1.3));
  const notes: string[] = [];
  const { text, faults } = await planText(large);
  const check = await checkTime(large, options.seconds * 300);
  notes.push(
    `\`fsck\` of the facts ${check.whole ? 'took' : 'was not through after'} ${Math.round(check.seconds)} s and found nothing.`,
  );
  return { name, large, held: held(large), heldSmall: held(small), lines, notes, plans: text, faults };
}

async function measureRequests(pair: readonly [Registry, Registry], options: Options): Promise<Line[]> {
  const database = options.postgres ? [await postmasterOf(options.postgres)] : [];
  await using stack = new AsyncDisposableStack();
  const running: Running[] = [];
  for (const registry of pair) {
    const server = stack.use(await serve(registry));
    running.push({ ...registry, port: Number(new URL(server.url).port), pids: [server.process.pid, ...database] });
  }
  const lines: Line[] = [];
  for (const operation of operations) {
    const costs: Record<Registry['name'], Cost[]> = { small: [], large: [] };
    for (let round = 0; round < options.rounds; round++) {
      for (const one of round % 2 === 0 ? running : running.toReversed()) {
        if (operation.fits?.(one.world) === false) continue;
        costs[one.name].push(await costOf(operation, one, options.seconds));
      }
    }
    if (costs.large.length === 0) continue;
    lines.push(lineOf(operation.what, costs.small, costs.large, operation.target));
    console.log(`  ${operation.what}`);
  }
  return lines;
}

async function alternate(
  what: string,
  unit: string,
  pair: readonly [Registry, Registry],
  { rounds }: Options,
  measure: (registry: Registry) => Promise<number>,
  target: number,
): Promise<Line> {
  const figures: Record<Registry['name'], number[]> = { small: [], large: [] };
  for (let round = 0; round < rounds; round++) {
    for (const one of round % 2 === 0 ? pair : pair.toReversed()) figures[one.name].push(await measure(one));
  }
  console.log(`  ${what}`);
  return { what, unit, ...figures, target };
}

function held({ world }: Registry): string {
  const { tags, repositories, first, referrers } = world;
  const text = (n: number) => n.toLocaleString('en');
  return `${text(tags)} tags in ${text(repositories)} repositories (three with ${text(first[1]!)} each), about ${text(tags * 5)} blobs, ${text(referrers)} referrers of one image`;
}

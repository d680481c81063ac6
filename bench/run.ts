/*
 * npm run bench [-- NAME… --smoke --rounds N --directory DIR]: measures Bonded beside what is found of docker-registry
 * and nginx, on the same disk, in alternation. All shapes together write bench/results.md. The last line is
 * `N passed, N failed, N skipped`: a row passes when it has figures, whatever they are.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../test/runner/options.ts';
import { isInstalled, type Peer, type PeerName, startPeer } from './peers.ts';
import { currentLoad, missingTableOf, surroundings, tableHead, tableOf } from './report.ts';
import { measureRounds } from './rounds.ts';
import type { Scale, Shape, Situation } from './shape.ts';
import { blobPull } from './shapes/blob-pull.ts';
import { blobPush } from './shapes/blob-push.ts';
import { manifestGet } from './shapes/manifest-get.ts';
import { smallPush } from './shapes/small-push.ts';
import { start } from './shapes/start.ts';

const shapes: readonly Shape[] = [blobPull, blobPush, manifestGet, smallPush, start];
const mib = 1024 ** 2;
const scales: Record<'full' | 'smoke', Scale> = {
  full: { blobBytes: 512 * mib, seconds: 3, rounds: 5 },
  smoke: { blobBytes: 16 * mib, seconds: 0.5, rounds: 1 },
};

const { values, positionals } = await readOptions(import.meta.path, {
  allowPositionals: true,
  options: { smoke: { type: 'boolean' }, rounds: { type: 'string' }, directory: { type: 'string' } },
});
const unknown = positionals.find((name) => !shapes.some((shape) => shape.name === name));
if (unknown !== undefined) {
  console.error(`there is no shape ${unknown}; there are ${shapes.map((shape) => shape.name).join(', ')}`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

const chosen = shapes.filter((shape) => positionals.length === 0 || positionals.includes(shape.name));
const scale = { ...scales[values.smoke ? 'smoke' : 'full'] };
if (values.rounds) scale.rounds = Math.max(1, Number(values.rounds));
const counts = { passed: 0, failed: 0, skipped: 0 };
const lines: string[] = [...tableHead];
const loadBefore = currentLoad();
const directory = await mkdtemp(join(values.directory ?? tmpdir(), 'bonded-bench-'));
const peers = new Map<PeerName, Peer>();
let about: string[] = [];
try {
  about = surroundings(scale, directory, loadBefore);
  for (const name of ['bonded', 'docker-registry', 'nginx'] as const) {
    if (isInstalled(name)) peers.set(name, await startPeer(name, join(directory, name)));
  }
  for (const shape of chosen) await runShape(shape, { scale, directory, peers });
} finally {
  await Promise.all([...peers.values()].map((peer) => peer.stop()));
  await rm(directory, { recursive: true, force: true });
}
console.log(`\n${lines.join('\n')}\n`);
if (!values.smoke && positionals.length === 0 && counts.failed === 0) await writeResults();
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;

async function runShape(shape: Shape, situation: Situation): Promise<void> {
  const missing = shape.needs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) {
    lines.push(...missingTableOf(shape, missing));
    counts.skipped += shape.rows.length;
    return;
  }
  const contenders = shape.contenders.filter((name) => name === 'tools' || situation.peers.has(name));
  try {
    await shape.prepare?.(situation);
    const comparisons = await measureRounds(shape, situation, contenders, (round) =>
      console.log(`${shape.name}: round ${round} of ${situation.scale.rounds}`),
    );
    lines.push(...tableOf(shape, comparisons));
    counts.passed += shape.rows.length;
    counts.skipped += shape.contenders.length - contenders.length;
  } catch (error) {
    console.error(`${shape.name} failed: ${(error as Error).message}`);
    counts.failed += shape.rows.length;
  }
}

async function writeResults(): Promise<void> {
  const text = `# Benchmark

Written by \`npm run bench\`. Ratios are of figures of the same round: what disturbs one contender disturbs the others too.

${about.join('\n')}

${lines.join('\n')}
`;
  await Bun.write(join(import.meta.dir, 'results.md'), text);
  console.log('written to bench/results.md');
}

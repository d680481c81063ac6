import { join } from 'node:path';
import { builtFromSource, type Contender, isInstalled, isServer, type PeerName } from './peers/contenders.ts';
import { type Peer, startPeer } from './peers/start.ts';
import type { Outcome } from './report.ts';
import { measureRounds } from './rounds.ts';
import type { Shape, Situation } from './shape.ts';

export interface ShapesRun {
  outcomes: Outcome[];
  counts: { passed: number; failed: number; skipped: number };
}

/** Starts what is installed of the contenders, measures the shapes one after the other, and ends what it started. */
export async function runShapes(
  shapes: readonly Shape[],
  place: Pick<Situation, 'scale' | 'directory'>,
): Promise<ShapesRun> {
  const run: ShapesRun = { outcomes: [], counts: { passed: 0, failed: 0, skipped: 0 } };
  const situation: Situation = { ...place, peers: new Map<PeerName, Peer>() };
  try {
    for (const shape of shapes) {
      await startMissing(shape, situation);
      const peers = new Map([...situation.peers].filter(([name]) => shape.contenders.includes(name)));
      await runShape(shape, { ...situation, peers }, run);
    }
  } finally {
    await Promise.all([...situation.peers.values()].map((peer) => peer.stop()));
  }
  return run;
}

async function startMissing(shape: Shape, { directory, peers }: Situation): Promise<void> {
  if (shape.startsServers) return;
  for (const name of shape.contenders) {
    if (!isServer(name) || peers.has(name) || !isInstalled(name)) continue;
    peers.set(name, await startPeer(name, join(directory, name.replaceAll(' ', '-'))));
  }
}

async function runShape(shape: Shape, situation: Situation, { outcomes, counts }: ShapesRun): Promise<void> {
  const missing = shape.needs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) {
    outcomes.push({ shape, comparisons: [], rounds: 0, notes: [`Not measured: ${missing.join(', ')} not found.`] });
    counts.skipped += shape.rows.length;
    return;
  }
  const wanted = (situation.scale.brief && shape.briefly) || shape.contenders;
  const contenders = wanted.filter(isInstalled);
  const began = performance.now();
  try {
    await shape.prepare?.(situation);
    const prepared = seconds(began);
    const { comparisons, count, failures } = await measureRounds(shape, situation, contenders, (round, contender) => {
      if (process.stdout.isTTY) process.stdout.write(`\r\u001B[K${shape.name}: round ${round}, ${contender}`);
    });
    if (process.stdout.isTTY) process.stdout.write('\r\u001B[K');
    console.log(`${shape.name}: ${count} rounds in ${seconds(began)} s, ${prepared} s of them to prepare`);
    for (const failure of failures) console.log(`  ${failure}`);
    outcomes.push({ shape, comparisons, rounds: count, notes: failures });
    counts.passed += shape.rows.length;
    counts.skipped += wanted.filter((name) => isMissed(name, contenders)).length;
  } catch (error) {
    console.error(`${shape.name} failed: ${(error as Error).message}`);
    counts.failed += shape.rows.length;
  } finally {
    await shape.finish?.();
  }
}

/** What has to be built from its source is not missed where it is not. */
function isMissed(name: Contender, present: readonly Contender[]): boolean {
  return !present.includes(name) && !builtFromSource.has(name);
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}

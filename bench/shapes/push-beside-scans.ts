import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasExports } from '../advisories/components.ts';
import { type PushLoad, pushFor } from '../client/push-load.ts';
import { fillAdvisories, scanningServer } from '../fill/scanning.ts';
import type { Peer } from '../peers/start.ts';
import { median, percentile } from '../percentile.ts';
import { suspend } from '../process-figures.ts';
import { crowdOf, type Shape, type Situation } from '../shape.ts';

const connections = 8;
/** Two servers that do the same differ by some percent, each for as long as it runs: so there are several of both. */
const launches = 3;
/** Pairs of turns of each two, begun by the other one than the pair before. */
const pairs = 6;
let measurement = 0;

interface Turns {
  idle: PushLoad;
  busy: PushLoad;
  /** Images scanned in a second of the busy turn. */
  scanned: number;
}

export const pushBesideScans: Shape = {
  name: 'push-beside-scans',
  about:
    `Bonded beside itself: ${connections} connections push small images to a server that scans what is pushed, and in turns to ` +
    'one that has the same advisories and scans nothing. The one whose turn it is not stands still.',
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: hasExports() ? [] : ['shared/testdata/osv'],
  rows: [
    { key: 'idle', what: 'small images pushed, nothing is scanned', unit: '1/s', better: 'more' },
    { key: 'busy', what: 'small images pushed while images are scanned', unit: '1/s', better: 'more' },
    {
      key: 'kept',
      what: 'pushes while images are scanned ÷ those while none is',
      unit: '×',
      better: 'more',
      limits: { bonded: 0.95 },
    },
    { key: 'idleP99', what: 'such a push, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'busyP99', what: 'such a push while images are scanned, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'scanned', what: 'images scanned meanwhile', unit: '1/s', better: 'more' },
  ],
  async prepare({ directory, scale }) {
    await using server = await scanningServer(join(directory, 'scans-known'), 0);
    await fillAdvisories(server.peer, scale);
  },
  async measure(situation) {
    const turns: Turns[] = [];
    for (let launch = 0; launch < crowdOf(situation, launches); launch++) turns.push(...(await inTurns(situation)));
    const rate = (of: 'idle' | 'busy') => median(turns.map((turn) => turn[of].rate));
    const p99 = (of: 'idle' | 'busy') =>
      percentile(
        turns.flatMap((turn) => turn[of].times),
        99,
      );
    return {
      idle: rate('idle'),
      busy: rate('busy'),
      kept: median(turns.map(({ idle, busy }) => busy.rate / idle.rate)),
      idleP99: p99('idle'),
      busyP99: p99('busy'),
      scanned: median(turns.map(({ scanned }) => scanned)),
    };
  },
};

/** Of two servers that were started anew, on copies of the same data. */
async function inTurns(situation: Situation): Promise<Turns[]> {
  const directory = join(situation.directory, `beside-scans-${++measurement}`);
  for (const one of ['idle', 'busy']) {
    await cp(join(situation.directory, 'scans-known'), join(directory, one), { recursive: true });
  }
  await using idle = await scanningServer(join(directory, 'idle'), 0);
  await using busy = await scanningServer(join(directory, 'busy'), 1);
  const count = crowdOf(situation, pairs);
  const seconds = (situation.scale.seconds * 2) / count;
  const turns: Turns[] = [];
  const waiting = new Map([idle.peer, busy.peer].map((peer) => [peer, suspend(peer.pid)]));
  // What is pushed before the first pair makes them warm.
  for (let pair = -1; pair < count; pair++) {
    const loads = new Map<Peer, PushLoad & { scanned: number }>();
    for (const { peer } of pair % 2 === 0 ? [idle, busy] : [busy, idle]) {
      waiting.get(peer)!.resume();
      loads.set(peer, await pushTo(peer, pair < 0 ? situation.scale.seconds : seconds));
      // It would scan what was pushed to it while the other one is measured.
      waiting.set(peer, suspend(peer.pid));
    }
    const [without, beside] = [loads.get(idle.peer)!, loads.get(busy.peer)!];
    if (pair >= 0) turns.push({ idle: without, busy: beside, scanned: beside.scanned });
  }
  for (const { resume } of waiting.values()) resume();
  await Promise.all([idle.peer.stop(), busy.peer.stop()]);
  await rm(directory, { recursive: true });
  return turns;
}

async function pushTo(peer: Peer, seconds: number): Promise<PushLoad & { scanned: number }> {
  const before = await scannedBy(peer);
  const began = performance.now();
  const load = await pushFor(peer.port, { connections, seconds }, (image) => `bench/scan-${image % 50}`);
  const took = (performance.now() - began) / 1000;
  return { ...load, scanned: ((await scannedBy(peer)) - before) / took };
}

async function scannedBy({ url }: Peer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^bonded_scans_total\{[^}]*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { blobOf, connected, pushBlob } from '../client/content.ts';
import { type PushLoad, pushFor } from '../client/push-load.ts';
import { bonded } from '../peers/bonded.ts';
import { type Peer, startServer } from '../peers/start.ts';
import { median, percentile } from '../percentile.ts';
import { crowdOf, type Shape } from '../shape.ts';

const garbage = 6000;
/** The first hundred are collected at once, and would be gone before the first push. */
const leastGarbage = 600;
const connections = 8;
let measurement = 0;

export const pushInGc: Shape = {
  name: 'push-in-gc',
  about: `Bonded beside itself: ${connections} connections push small images while nothing is collected, and while ${garbage} blobs that nothing references are. The others have no collection that runs beside pushes.`,
  contenders: ['bonded'],
  long: true,
  startsServers: true,
  needs: [],
  rounds: 3,
  rows: [
    { key: 'idle', what: 'small images pushed, nothing to collect', unit: '1/s', better: 'more' },
    { key: 'busy', what: 'small images pushed during collection', unit: '1/s', better: 'more' },
    { key: 'idleP99', what: 'such a push, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'busyP99', what: 'such a push during collection, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'collected', what: 'links and blobs collected meanwhile', unit: '1/s', better: 'more' },
  ],
  async measure(situation) {
    const directory = join(situation.directory, `gc-${++measurement}`);
    const { seconds } = situation.scale;
    const push = async (port: number): Promise<PushLoad> => {
      const into = (image: number) => `bench/gc-${image % 50}`;
      await pushFor(port, { connections, seconds: Math.min(0.5, seconds) }, into);
      return pushFor(port, { connections, seconds }, into);
    };
    const idle = await serve(directory, '24h', async ({ port }) => {
      await pushGarbage(port, Math.max(leastGarbage, crowdOf(situation, garbage)));
      return push(port);
    });
    const collected = { before: 0, during: 0, seconds: 0 };
    const busy = await serve(directory, '1s', async (peer) => {
      await collectionBegins(peer);
      const began = performance.now();
      collected.before = await collectedBy(peer);
      const loads: PushLoad[] = [];
      // It counts in steps, and rests between candidates.
      while (collected.during === 0) {
        if (loads.length === 10) throw new Error('nothing is collected while images are pushed');
        loads.push(await push(peer.port));
        collected.during = (await collectedBy(peer)) - collected.before;
      }
      collected.seconds = (performance.now() - began) / 1000;
      return { rate: median(loads.map(({ rate }) => rate)), times: loads.flatMap(({ times }) => times) };
    });
    return {
      idle: idle.rate,
      busy: busy.rate,
      idleP99: percentile(idle.times, 99),
      busyP99: percentile(busy.times, 99),
      collected: collected.during / collected.seconds,
    };
  },
};

/** With an interval of a day, the first collection comes after hours. */
async function serve<T>(directory: string, interval: string, work: (peer: Peer) => Promise<T>): Promise<T> {
  const peer = await startServer(bonded('Bonded', 'gc.delay=1s', `gc.interval=${interval}`), directory);
  try {
    return await work(peer);
  } finally {
    await peer.stop();
  }
}

async function pushGarbage(port: number, count: number): Promise<void> {
  let pushed = 0;
  await Promise.all(
    Array.from({ length: connections }, () =>
      connected(port, async (connection) => {
        while (pushed++ < count) await pushBlob(connection, 'bench/garbage', blobOf(randomBytes(500)));
      }),
    ),
  );
}

async function collectionBegins(peer: Peer): Promise<void> {
  const until = performance.now() + 20_000;
  while ((await collectedBy(peer)) === 0) {
    if (performance.now() > until) throw new Error('collection does not begin');
    await Bun.sleep(20);
  }
}

/** Links and blobs: the one goes before the other. */
async function collectedBy({ url }: Peer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^bonded_gc_collected_total\{kind="(?:link|blob)"\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

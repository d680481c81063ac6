import { join } from 'node:path';
import { pushOnce, smallImage } from '../client/content.ts';
import { addGarbage } from '../client/garbage.ts';
import { beside, pullSteadily } from '../client/steady-pulls.ts';
import { bonded } from '../peers/bonded.ts';
import type { Contender } from '../peers/contenders.ts';
import { type Peer, startServer } from '../peers/start.ts';
import type { Figures, Shape } from '../shape.ts';

const processes: Partial<Record<Contender, number>> = { bonded: 1, 'bonded ×2': 2 };
const contenders = ['bonded', 'bonded ×2'] as const;
const repository = 'bench/steady';
const mib = 1024 ** 2;
const program = join(import.meta.dir, '..', '..', 'bin', 'bonded');
/** What a registry of some size collects once a day. */
const garbage = 50_000;

let measurement = 0;

export const steadyLatency: Shape = {
  name: 'steady-latency',
  about: `200 manifests and 20 blobs of 1 MiB a second, whatever the answers take, by themselves, while ${garbage.toLocaleString('en')} blobs are being collected, and while \`bonded gc --dry-run\` lists them. \`fsck\` is not measured: it takes the data directory for itself.`,
  contenders,
  briefly: ['bonded'],
  long: true,
  startsServers: true,
  needs: [],
  rounds: 3,
  rows: [
    { key: 'manifest', what: 'manifest GET at a fixed rate, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'blob', what: 'blob pull at a fixed rate, 99th percentile', unit: 'ms', better: 'less' },
    {
      key: 'manifestGc',
      what: 'manifest GET during collection ÷ without, 99th percentiles',
      unit: '×',
      better: 'less',
      limits: { bonded: 1.2, 'bonded ×2': 1.2 },
    },
    {
      key: 'blobGc',
      what: 'blob pull during collection ÷ without, 99th percentiles',
      unit: '×',
      better: 'less',
      limits: { bonded: 1.2, 'bonded ×2': 1.2 },
    },
    { key: 'collected', what: 'blobs collected meanwhile', unit: '1/s', better: 'more' },
    {
      key: 'manifestList',
      what: 'manifest GET during `gc --dry-run` ÷ without, 99th percentiles',
      unit: '×',
      better: 'less',
    },
  ],
  async measure({ directory, scale }, contender) {
    const data = join(directory, `steady-${++measurement}`);
    const seconds = scale.seconds * 2;
    const serve = async <T>(interval: string, work: (peer: Peer) => Promise<T>): Promise<T> => {
      const settings = [`processes=${processes[contender]}`, `gc.interval=${interval}`];
      const peer = await startServer(bonded(contender, ...settings), data);
      try {
        return await work(peer);
      } finally {
        await peer.stop();
      }
    };
    // Its first round comes after an hour or so.
    await serve('24h', ({ port }) => pushOnce(port, repository, 'latest', smallImage(mib)));
    await addGarbage(data, Math.ceil(garbage * scale.crowd));
    const alone = await serve('24h', (peer) => pullSteadily(peer, repository, seconds));
    const listing = await serve('24h', (peer) =>
      beside([program, 'gc', '--dry-run', `--data=${data}`], () => pullSteadily(peer, repository, seconds)),
    );
    const collecting = await serve('1s', async (peer) => {
      for (const late = performance.now() + 20_000; (await collectedBy(peer)) === 0; await Bun.sleep(20)) {
        if (performance.now() > late) throw new Error('collection does not begin');
      }
      const [before, began] = [await collectedBy(peer), performance.now()];
      const during = await pullSteadily(peer, repository, seconds);
      const collected = ((await collectedBy(peer)) - before) / ((performance.now() - began) / 1000);
      return { ...during, collected };
    });
    const figures: Figures = {
      manifest: alone.manifest,
      blob: alone.blob,
      manifestGc: collecting.manifest / alone.manifest,
      blobGc: collecting.blob / alone.blob,
      collected: collecting.collected,
      manifestList: listing.manifest / alone.manifest,
    };
    return figures;
  },
};

/** Blobs that a server says it has collected. */
async function collectedBy({ url }: Peer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^bonded_gc_collected_total\{kind="blob"\} (\d+)$/m.exec(text)?.[1] ?? 0);
}

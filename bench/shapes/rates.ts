import { join } from 'node:path';
import { tiersOf } from '../../test/support/tiers.ts';
import { imageType, pushOnce, smallImage } from '../client/content.ts';
import { wrk } from '../client/wrk.ts';
import { bonded } from '../peers/bonded.ts';
import { type Peer, startServer } from '../peers/start.ts';
import { median } from '../percentile.ts';
import type { Shape } from '../shape.ts';

const repository = 'bench/rates';
const connections = 64;
/** Far above what any machine answers, so that every request is counted and none refused. */
const perMinute = 1_000_000_000;
let measurement = 0;

export const rates: Shape = {
  name: 'rates',
  about:
    `Bonded beside itself: a manifest by its tag over ${connections} connections, from a registry whose tier has no rates ` +
    'and from the same one once it has, by turns. All requests are counted and none is refused.',
  contenders: ['bonded'],
  startsServers: true,
  needs: ['wrk'],
  rounds: 3,
  rows: [
    { key: 'off', what: 'manifest GET by tag, tier without rates', unit: '1/s', better: 'more' },
    { key: 'on', what: 'manifest GET by tag, tier with rates', unit: '1/s', better: 'more' },
    { key: 'ratio', what: 'with rates beside without', unit: '×', better: 'more' },
  ],
  async measure({ directory, scale: { seconds } }) {
    const peer = await startServer(bonded('Bonded'), join(directory, `rates-${++measurement}`));
    try {
      const tiers = tiersOf(peer.url);
      const both = { registry: perMinute, identity: perMinute };
      await tiers.put('Rated', { rates: { dataplaneRead: both, burstSeconds: 60 } });
      await pushOnce(peer.port, repository, 'latest', smallImage());
      const figures: Record<'off' | 'on', number[]> = { off: [], on: [] };
      for (let turn = 0; turn < (seconds >= 1 ? 3 : 1); turn++) {
        for (const [key, tier] of [
          ['off', 'Premium'],
          ['on', 'Rated'],
        ] as const) {
          await tiers.use(tier);
          figures[key].push(await rateOf(peer, seconds));
        }
      }
      const [off, on] = [median(figures.off), median(figures.on)];
      return { off, on, ratio: on / off };
    } finally {
      await peer.stop();
    }
  },
};

async function rateOf({ url }: Peer, seconds: number): Promise<number> {
  const target = `${url}/v2/${repository}/manifests/latest`;
  const options = { connections, accept: imageType };
  if (seconds >= 1) await wrk(target, { ...options, seconds: 1 });
  return (await wrk(target, { ...options, seconds })).rate;
}

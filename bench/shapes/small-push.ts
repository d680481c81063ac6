import { pushFor } from '../client/push-load.ts';
import { besideRegistries, registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { peerOf, type Shape } from '../shape.ts';

const connections = 16;
let measurement = 0;

export const smallPush: Shape = {
  name: 'small-push',
  about: `Whole images of two small blobs, five requests each, over ${connections} connections that stay open; by the same bare client for all.`,
  contenders: ['bonded', 'bonded ×2', ...registries],
  needs: [],
  rows: [
    {
      key: 'spread',
      what: 'small images pushed, each into its own repository',
      unit: '1/s',
      better: 'more',
      targets: besideRegistries(3),
    },
    {
      key: 'one',
      what: 'small images pushed, all into one repository',
      unit: '1/s',
      better: 'more',
      targets: besideRegistries(3),
    },
    {
      key: 'cpu',
      what: 'processor time of 1,000 small pushes',
      unit: 's',
      better: 'less',
      targets: besideRegistries(0.7),
    },
    {
      key: 'memory',
      what: 'memory under small pushes',
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
      limits: { bonded: 200 },
    },
  ],
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const { seconds } = situation.scale;
    const run = ++measurement;
    await pushFor(port, { connections, seconds: 0.3 }, (image) => `bench/warm/${run}-${image}`);
    const rates = { spread: 0, one: 0 };
    const load = await underLoad(pid, async () => {
      rates.spread = (await pushFor(port, { connections, seconds }, (image) => `bench/spread/${run}-${image}`)).rate;
      rates.one = (await pushFor(port, { connections, seconds }, () => `bench/one/${run}`)).rate;
    });
    const images = load.seconds * ((rates.spread + rates.one) / 2);
    return { ...rates, cpu: (load.cpuSeconds / images) * 1000, memory: load.peakMiB };
  },
};

import { type Image, pushImage, smallImage } from '../client/content.ts';
import { local, openRaw } from '../client/raw-client.ts';
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
    await pushFor(port, 0.3, (image) => `bench/warm/${run}-${image}`);
    const [spread, one] = [{ rate: 0 }, { rate: 0 }];
    const load = await underLoad(pid, async () => {
      spread.rate = await pushFor(port, seconds, (image) => `bench/spread/${run}-${image}`);
      one.rate = await pushFor(port, seconds, () => `bench/one/${run}`);
    });
    return {
      spread: spread.rate,
      one: one.rate,
      cpu: (load.cpuSeconds / load.seconds / ((spread.rate + one.rate) / 2)) * 1000,
      memory: load.largestMiB,
    };
  },
};

/** Images a second. */
async function pushFor(port: number, seconds: number, repositoryOf: (image: number) => string): Promise<number> {
  const images: Image[] = [];
  for (let made = 0; made < 256; made++) images.push(smallImage());
  let pushed = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await openRaw(local(port));
      while (performance.now() < until) {
        const number = pushed++;
        await pushImage(connection, repositoryOf(number), `t${number}`, images.pop() ?? smallImage());
      }
      connection.close();
    }),
  );
  return pushed / ((performance.now() - began) / 1000);
}

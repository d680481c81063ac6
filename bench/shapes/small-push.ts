import { type Image, pushImage, smallImage } from '../content.ts';
import { openRaw } from '../raw-client.ts';
import { peerOf, type Shape } from '../shape.ts';

const connections = 16;
let measurement = 0;

/** Whole images of two small blobs, five requests each, over connections that stay open. */
export const smallPush: Shape = {
  name: 'small-push',
  contenders: ['bonded', 'docker-registry'],
  needs: [],
  rows: [
    {
      key: 'spread',
      what: 'small images pushed, each into its own repository',
      unit: '1/s',
      better: 'more',
      targets: { 'docker-registry': 3 },
    },
    {
      key: 'one',
      what: 'small images pushed, all into one repository',
      unit: '1/s',
      better: 'more',
      targets: { 'docker-registry': 3 },
    },
  ],
  async measure(situation, contender) {
    const { port } = peerOf(situation, contender);
    const { seconds } = situation.scale;
    const run = ++measurement;
    await pushFor(port, 0.3, (image) => `bench/warm/${run}-${image}`);
    return {
      spread: await pushFor(port, seconds, (image) => `bench/spread/${run}-${image}`),
      one: await pushFor(port, seconds, () => `bench/one/${run}`),
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
      const connection = await openRaw(port);
      while (performance.now() < until) {
        const number = pushed++;
        await pushImage(connection, repositoryOf(number), `t${number}`, images.pop() ?? smallImage());
      }
      connection.close();
    }),
  );
  return pushed / ((performance.now() - began) / 1000);
}

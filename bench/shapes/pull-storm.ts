import { randomBytes } from 'node:crypto';
import { blobOf, connected, imageOf, imageType, must, pushOnce } from '../client/content.ts';
import { besideRegistries, registries } from '../peers/contenders.ts';
import { percentile } from '../percentile.ts';
import { underLoad } from '../process-figures.ts';
import { crowdOf, peerOf, type Shape } from '../shape.ts';

const clients = 1000;
const layers = 3;
const layerKiB = 256;
const repository = 'bench/storm';
const image = imageOf(
  blobOf(randomBytes(1500)),
  Array.from({ length: layers }, () => blobOf(randomBytes(layerKiB * 1024))),
);

export const pullStorm: Shape = {
  name: 'pull-storm',
  about: `${clients} clients connect at once and pull the same tag: manifest, configuration, ${layers} layers of ${layerKiB} KiB. What the client costs, the same for all, is part of the time.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 3,
  rows: [
    { key: 'rate', what: 'pulls in a storm', unit: '1/s', better: 'more', targets: besideRegistries(1.3) },
    { key: 'p50', what: 'a pull in a storm, median', unit: 'ms', better: 'less' },
    { key: 'p99', what: 'a pull in a storm, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'cpu', what: 'processor time of a storm', unit: 's', better: 'less', targets: besideRegistries(0.7) },
    {
      key: 'memory',
      what: 'memory in a storm',
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
      limits: { bonded: 200 },
    },
  ],
  async prepare({ peers }) {
    for (const { port } of peers.values()) await pushOnce(port, repository, 'latest', image);
  },
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const count = crowdOf(situation, clients);
    await pull(port);
    const times: number[] = [];
    const load = await underLoad(pid, () =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const began = performance.now();
          await pull(port);
          times.push(performance.now() - began);
        }),
      ),
    );
    return {
      rate: count / load.seconds,
      p50: percentile(times, 50),
      p99: percentile(times, 99),
      cpu: load.cpuSeconds,
      memory: load.peakMiB,
    };
  },
};

function pull(port: number): Promise<void> {
  return connected(port, async (connection) => {
    const get = async (what: string, size: number) => {
      const path = `/v2/${repository}/${what}`;
      const answer = await connection.send({ method: 'GET', path, headers: { Accept: imageType } });
      must(answer, 200, `GET of ${path}`);
      if (answer.length !== size) throw new Error(`${path} came with ${answer.length} bytes of ${size}`);
    };
    await get('manifests/latest', image.manifest.byteLength);
    for (const { digest, size } of [image.config, ...image.layers]) await get(`blobs/${digest}`, size);
  });
}

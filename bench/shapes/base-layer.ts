import { randomBytes } from 'node:crypto';
import { type Blob, blobOf, connected, imageOf, pushBlob, putManifest } from '../client/content.ts';
import { percentile } from '../percentile.ts';
import { besideRegistries, registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { crowdOf, peerOf, type Shape } from '../shape.ts';

const builds = 100;
const baseMiB = 8;
let measurement = 0;

export const baseLayer: Shape = {
  name: 'base-layer',
  about: `${builds} builds push at once, each into its own repository: the same new base layer of ${baseMiB} MiB, and a small layer, a configuration and a manifest of their own.`,
  contenders: ['bonded', ...registries],
  needs: [],
  rounds: 3,
  rows: [
    {
      key: 'rate',
      what: 'builds that push the same base layer',
      unit: '1/s',
      better: 'more',
      targets: { 'docker-registry': 2.5, registry: 2.5, zot: 1.3 },
    },
    { key: 'p99', what: 'push of such a build, 99th percentile', unit: 'ms', better: 'less' },
    { key: 'cpu', what: 'processor time of such builds', unit: 's', better: 'less', targets: besideRegistries(0.7) },
    {
      key: 'memory',
      what: 'memory under builds with the same base layer',
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
      limits: { bonded: 200 },
    },
  ],
  async measure(situation, contender) {
    const { port, pid } = peerOf(situation, contender);
    const run = ++measurement;
    const count = crowdOf(situation, builds);
    const base = blobOf(randomBytes(baseMiB * 1024 ** 2));
    const times: number[] = [];
    const load = await underLoad(pid, () =>
      Promise.all(
        Array.from({ length: count }, async (_, build) => {
          const began = performance.now();
          await pushBuild(port, `bench/build-${run}-${build}`, base);
          times.push(performance.now() - began);
        }),
      ),
    );
    return {
      rate: count / load.seconds,
      p99: percentile(times, 99),
      cpu: load.cpuSeconds,
      memory: load.peakMiB,
    };
  },
};

/** As clients do: a layer that the repository has already is not sent. */
function pushBuild(port: number, repository: string, base: Blob): Promise<void> {
  const own = blobOf(randomBytes(4096));
  const config = blobOf(randomBytes(300));
  return connected(port, async (connection) => {
    for (const blob of [base, own, config]) {
      const path = `/v2/${repository}/blobs/${blob.digest}`;
      const { status } = await connection.send({ method: 'HEAD', path });
      if (status !== 200) await pushBlob(connection, repository, blob);
    }
    await putManifest(connection, repository, 'latest', imageOf(config, [base, own]).manifest);
  });
}

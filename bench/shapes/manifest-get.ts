import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { imageType, pushOnce, smallImage } from '../client/content.ts';
import { wrk, type WrkFigures } from '../client/wrk.ts';
import { besideRegistries, type Contender, registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { peerOf, type Shape } from '../shape.ts';

const repository = 'bench/manifest';
const connections = 64;
const urls = new Map<Contender, string>();

export const manifestGet: Shape = {
  name: 'manifest-get',
  about: `A manifest by its tag, the request that every pull begins with, sent by wrk over ${connections} connections.`,
  contenders: ['bonded', 'bonded ×2', ...registries, 'nginx'],
  needs: ['wrk'],
  rows: [
    {
      key: 'rate',
      what: 'manifest GET by tag',
      unit: '1/s',
      better: 'more',
      targets: { 'docker-registry': 15, registry: 15, zot: 3, nginx: 0.4 },
    },
    { key: 'p99', what: 'manifest GET by tag, 99th percentile', unit: 'ms', better: 'less' },
    {
      key: 'cpu',
      what: 'processor time of 1,000 manifest GETs',
      unit: 'ms',
      better: 'less',
      targets: besideRegistries(0.7),
    },
    {
      key: 'memory',
      what: 'memory under manifest GETs',
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
      limits: { bonded: 200 },
    },
  ],
  async prepare(situation) {
    const image = smallImage();
    for (const [name, peer] of situation.peers) {
      if (name === 'nginx') {
        await writeFile(join(situation.directory, 'nginx', 'manifest'), image.manifest);
        urls.set(name, `${peer.url}/manifest`);
      } else {
        await pushOnce(peer.port, repository, 'latest', image);
        urls.set(name, `${peer.url}/v2/${repository}/manifests/latest`);
      }
    }
  },
  async measure(situation, contender) {
    const { pid } = peerOf(situation, contender);
    const url = urls.get(contender)!;
    const { seconds } = situation.scale;
    if (seconds >= 1) await wrk(url, { connections, seconds: 1, accept: imageType });
    let measured: WrkFigures | undefined;
    const load = await underLoad(pid, async () => {
      measured = await wrk(url, { connections, seconds, accept: imageType });
    });
    const { rate, p99 } = measured!;
    return { rate, p99, cpu: (load.cpuSeconds / load.seconds / rate) * 1e6, memory: load.peakMiB };
  },
};

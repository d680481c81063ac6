import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openUpload } from '../client/content.ts';
import { changeFile, putCommand, randomFile } from '../client/large-file.ts';
import { besideRegistries, registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { gib, peerOf, run, type Shape } from '../shape.ts';

let file = '';

export const blobPush: Shape = {
  name: 'blob-push',
  about: 'A large blob that is new, in one PUT by curl: received, hashed, synced and acknowledged.',
  contenders: ['bonded', ...registries, 'tools'],
  needs: ['curl', 'openssl', 'dd', 'sync'],
  rows: [
    {
      key: 'push',
      what: 'blob push, hashed and durable',
      unit: 'GiB/s',
      better: 'more',
      targets: { 'docker-registry': 2.5, registry: 2.5, zot: 1.3, tools: 0.6 },
    },
    {
      key: 'cpu',
      what: 'processor time of a push',
      unit: 's/GiB',
      better: 'less',
      targets: besideRegistries(0.7),
    },
    {
      key: 'memory',
      what: 'memory during a push',
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
      limits: { bonded: 200 },
    },
  ],
  async prepare(situation) {
    file = await randomFile(situation, 'push.bin');
  },
  async measure(situation, contender) {
    const { directory, scale } = situation;
    const digest = await changeFile(file);
    // What others left to be written would be written now.
    await run(['sync', '-f', directory]);
    if (contender === 'tools') {
      const copy = join(directory, 'push.copy');
      const began = performance.now();
      await run(['openssl', 'dgst', '-sha256', file]);
      await run(['dd', `if=${file}`, `of=${copy}`, 'bs=1M', 'conv=fsync', 'status=none']);
      const seconds = (performance.now() - began) / 1000;
      await rm(copy);
      return { push: scale.blobBytes / gib / seconds };
    }
    const peer = peerOf(situation, contender);
    const url = await openUpload(peer.port, 'bench/push', digest);
    const load = await underLoad(peer.pid, () => run(putCommand(file, url)));
    return {
      push: scale.blobBytes / gib / load.seconds,
      cpu: load.cpuSeconds / (scale.blobBytes / gib),
      memory: load.peakMiB,
    };
  },
};

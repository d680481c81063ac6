import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import { openUpload } from '../content.ts';
import { changeFile, randomFile } from '../large-file.ts';
import { underLoad } from '../process-figures.ts';
import { gib, peerOf, run, type Shape } from '../shape.ts';
import { putCommand } from './blob-pull.ts';

let file = '';

/** One large blob in one PUT, sent by curl: received, hashed and, by Bonded and the tools, synced. */
export const blobPush: Shape = {
  name: 'blob-push',
  contenders: ['bonded', 'docker-registry', 'tools'],
  needs: ['curl', 'openssl', 'dd', 'sync'],
  rows: [
    {
      key: 'push',
      what: 'blob push, hashed and durable',
      unit: 'GiB/s',
      better: 'more',
      targets: { 'docker-registry': 2.5, tools: 0.6 },
    },
    {
      key: 'cpu',
      what: 'processor time of a push',
      unit: 's/GiB',
      better: 'less',
      targets: { 'docker-registry': 0.7 },
    },
    {
      key: 'memory',
      what: 'memory during a push',
      unit: 'MiB',
      better: 'less',
      targets: { 'docker-registry': 0.7 },
      limit: 200,
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
    const load = await underLoad(peer.pid, async () => void (await run(putCommand(file, url))));
    return {
      push: scale.blobBytes / gib / load.seconds,
      cpu: load.cpuSeconds / (scale.blobBytes / gib),
      memory: load.peakMiB,
    };
  },
};

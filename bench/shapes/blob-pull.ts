import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { curlFlags } from '../client/authorization.ts';
import { openUpload } from '../client/content.ts';
import { digestOfFile, putCommand, randomFile } from '../client/large-file.ts';
import { besideRegistries, type Contender, registries } from '../peers/contenders.ts';
import { underLoad } from '../process-figures.ts';
import { gib, peerOf, run, type Shape } from '../shape.ts';

const repository = 'bench/pull';
const streams = 16;
const repeats = 3;

const urls = new Map<Contender, string>();

export const blobPull: Shape = {
  name: 'blob-pull',
  about: `A large blob from the page cache, read by curl to /dev/null: ${repeats} times in one stream, and by ${streams} at once.`,
  contenders: ['bonded', 'bonded ×2', ...registries, 'nginx'],
  needs: ['curl', 'openssl'],
  rows: [
    {
      key: 'one',
      what: 'blob pull, 1 stream',
      unit: 'GiB/s',
      better: 'more',
      targets: { nginx: 0.95, ...besideRegistries(1.3) },
    },
    {
      key: 'many',
      what: `blob pull, ${streams} streams`,
      unit: 'GiB/s',
      better: 'more',
      targets: { nginx: 0.95, ...besideRegistries(1.3) },
    },
    {
      key: 'cpu',
      what: 'processor time of a pull',
      unit: 's/GiB',
      better: 'less',
      targets: besideRegistries(0.7),
    },
    {
      key: 'memory',
      what: `memory under ${streams} pulls`,
      unit: 'MiB',
      better: 'less',
      targets: besideRegistries(0.7),
    },
  ],
  async prepare(situation) {
    const file = await randomFile(situation, 'pull.bin');
    const digest = await digestOfFile(file);
    for (const [name, peer] of situation.peers) {
      if (name === 'nginx') {
        await mkdir(join(situation.directory, 'nginx'), { recursive: true });
        await copyFile(file, join(situation.directory, 'nginx', 'pull.bin'));
        urls.set(name, `${peer.url}/pull.bin`);
      } else {
        await run(putCommand(file, await openUpload(peer.port, repository, digest)));
        urls.set(name, `${peer.url}/v2/${repository}/blobs/${digest}`);
      }
    }
  },
  async measure(situation, contender) {
    const peer = peerOf(situation, contender);
    const url = urls.get(contender)!;
    const { blobBytes } = situation.scale;
    const pull = (times: number) =>
      run(['curl', ...curlFlags(url), '-sSf', ...Array.from({ length: times }, () => ['-o', '/dev/null', url]).flat()]);
    // Into the page cache, and through code that the first request compiles.
    await pull(1);
    const one = await underLoad(peer.pid, () => pull(repeats));
    const many = await underLoad(peer.pid, () => Promise.all(Array.from({ length: streams }, () => pull(1))));
    return {
      one: (repeats * blobBytes) / gib / one.seconds,
      many: (streams * blobBytes) / gib / many.seconds,
      cpu: many.cpuSeconds / ((streams * blobBytes) / gib),
      memory: many.peakMiB,
    };
  },
};

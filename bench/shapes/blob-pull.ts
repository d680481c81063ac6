import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openUpload } from '../content.ts';
import { underLoad } from '../process-figures.ts';
import { type Contender, gib, peerOf, run, type Shape } from '../shape.ts';
import { digestOfFile, randomFile } from '../large-file.ts';

const repository = 'bench/pull';
const streams = 16;
const repeats = 3;

const urls = new Map<Contender, string>();

/** Large blobs from the page cache, read by curl to /dev/null. */
export const blobPull: Shape = {
  name: 'blob-pull',
  contenders: ['bonded', 'docker-registry', 'nginx'],
  needs: ['curl', 'openssl'],
  rows: [
    {
      key: 'one',
      what: 'blob pull, 1 stream',
      unit: 'GiB/s',
      better: 'more',
      targets: { nginx: 0.95, 'docker-registry': 1.3 },
    },
    {
      key: 'many',
      what: `blob pull, ${streams} streams`,
      unit: 'GiB/s',
      better: 'more',
      targets: { nginx: 0.95, 'docker-registry': 1.3 },
    },
    {
      key: 'cpu',
      what: 'processor time of a pull',
      unit: 's/GiB',
      better: 'less',
      targets: { 'docker-registry': 0.7 },
    },
    {
      key: 'memory',
      what: `memory under ${streams} pulls`,
      unit: 'MiB',
      better: 'less',
      targets: { 'docker-registry': 0.7 },
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
      run(['curl', '-sSf', ...Array.from({ length: times }, () => ['-o', '/dev/null', url]).flat()]);
    // Into the page cache, and through code that the first request compiles.
    await pull(1);
    const one = await underLoad(peer.pid, async () => void (await pull(repeats)));
    const many = await underLoad(peer.pid, async () => {
      await Promise.all(Array.from({ length: streams }, () => pull(1)));
    });
    return {
      one: (repeats * blobBytes) / gib / one.seconds,
      many: (streams * blobBytes) / gib / many.seconds,
      cpu: many.cpuSeconds / ((streams * blobBytes) / gib),
      memory: many.peakMiB,
    };
  },
};

/** curl's own wait for `100 Continue` would be measured otherwise. */
export function putCommand(file: string, url: string): string[] {
  return [
    'curl',
    '-sSf',
    '-o',
    '/dev/null',
    '-T',
    file,
    '-H',
    'Expect:',
    '-H',
    'Content-Type: application/octet-stream',
    url,
  ];
}

import { join } from 'node:path';
import type { BunFile } from 'bun';
import { frameOf, inventoryCommand } from '../../src/inventory/index.ts';
import { run, type Shape } from '../shape.ts';

const main = join(import.meta.dir, '..', '..', 'src', 'main.ts');
/** What a layer of a distribution has: programs, libraries, many small files, and a database of packages. */
const contents = ['var/lib/dpkg', 'etc/os-release', 'usr/lib/os-release', 'usr/bin', 'usr/lib/python3', 'usr/share'];
const packers = { gzip: ['gzip', '-c'], zstd: ['zstd', '-q', '-c'] } as const;
const unpackers = { gzip: 'gzip -dc', zstd: 'zstd -q -dc' } as const;
type Compression = keyof typeof packers;

const layerOf = (directory: string, compression: Compression) => join(directory, `layer.${compression}`);

export const layers: Shape = {
  name: 'layers',
  about:
    "The packages of a layer, read by the process that does so: this machine's own programs, libraries and documentation, up " +
    'to the size of a large blob, packed. Beside what it takes to unpack them and list their names. Bytes are unpacked ones, ' +
    'a core is a second of processor time in all threads.',
  contenders: ['bonded', 'archivers'],
  startsServers: true,
  needs: ['tar', 'head', 'gzip', 'zstd'],
  rows: [
    { key: 'gzip', what: 'layer packed by gzip, read by a core', unit: 'MB/s', better: 'more', limits: { bonded: 80 } },
    { key: 'zstd', what: 'layer packed by zstd, read by a core', unit: 'MB/s', better: 'more', limits: { bonded: 80 } },
    { key: 'memory', what: 'memory to read a layer', unit: 'MiB', better: 'less', limits: { bonded: 512 } },
    { key: 'start', what: 'reading a layer with nothing in it', unit: 'ms', better: 'less' },
  ],
  async prepare({ directory, scale }) {
    const archive = join(directory, 'layer.tar');
    await run(['sh', '-c', `tar -c -C / ${contents.join(' ')} 2>/dev/null | head -c ${scale.blobBytes} >${archive}`]);
    for (const compression of ['gzip', 'zstd'] as const) {
      await run(['sh', '-c', `${packers[compression].join(' ')} ${archive} >${layerOf(directory, compression)}`]);
    }
    await run(['sh', '-c', `head -c 1024 /dev/zero | gzip -c >${join(directory, 'layer.empty')}`]);
  },
  async measure({ directory, scale }, contender) {
    const costOf = (compression: Compression, layer = layerOf(directory, compression)) =>
      contender === 'bonded'
        ? cost([process.execPath, main, inventoryCommand], frameOf(orderOf(layer)))
        : // A layer that was cut ends in the midst of a file.
          cost(['sh', '-c', `${unpackers[compression]} | tar -t >/dev/null 2>&1; true`], Bun.file(layer));
    const gzip = await costOf('gzip');
    const zstd = await costOf('zstd');
    const empty = await costOf('gzip', join(directory, 'layer.empty'));
    const megabytes = scale.blobBytes / 1e6;
    return {
      gzip: megabytes / gzip.cpuSeconds,
      zstd: megabytes / zstd.cpuSeconds,
      memory: Math.max(gzip.peakMiB, zstd.peakMiB),
      start: empty.seconds * 1000,
    };
  },
};

const orderOf = (path: string) =>
  new TextEncoder().encode(JSON.stringify({ mediaType: '', limits: {}, timeMs: 120_000, path }));

/** What a program took with its input. */
async function cost(command: string[], stdin: Uint8Array<ArrayBuffer> | BunFile) {
  const began = performance.now();
  const child = Bun.spawn(command, { stdin, stdout: 'ignore', stderr: 'inherit' });
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed`);
  const { cpuTime, maxRSS } = child.resourceUsage()!;
  return {
    seconds: (performance.now() - began) / 1000,
    cpuSeconds: Number(cpuTime.total) / 1e6,
    peakMiB: maxRSS / 1024 ** 2,
  };
}

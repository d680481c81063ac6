import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { type PeerName, peerNames, titleOf, versionOf } from './peers/contenders.ts';
import { gib, type Scale } from './shape.ts';

/** What the figures depend on. */
export function surroundings(
  scale: Scale,
  directory: string,
  loadBefore: number,
  measured: ReadonlySet<string>,
): string[] {
  return [
    `- ${new Date().toISOString().slice(0, 10)}; up to ${scale.rounds} rounds, each contender once a round in turning order; medians.`,
    `- ${machine()}; ${diskOf(directory)}${isInMemory(directory) ? ', in memory: a sync costs nothing there, so that pushes are not what they are on a disk' : ''}.`,
    `- Load average before the start: ${loadBefore.toFixed(2)}${loadBefore > 0.5 ? ', so somebody else was at work: take the figures with care' : ''}.`,
    ...peerNames.filter((name) => measured.has(name)).map(about),
    '- What each syncs before it answers a push, and how it is configured, is in [README.md](README.md#contenders).',
    `- Large blobs have ${Math.round(scale.blobBytes / 1024 ** 2)} MiB. Processor time and memory are those of a server with its children.`,
  ];
}

function about(name: PeerName): string {
  return `- ${titleOf(name)}: ${versionOf(name) ?? 'not found, so not measured'}.`;
}

export function machine(): string {
  const all = cpus();
  return `${all[0]?.model.trim()}, ${all.length} cores shared by servers and clients, ${Math.round(totalmem() / gib)} GiB, Linux ${release()}`;
}

/** File system and device of a directory. */
export function diskOf(directory: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at !== undefined && (at === '/' || `${directory}/`.startsWith(`${at}/`)))
    .toSorted((a, b) => b[1]!.length - a[1]!.length);
  return mounts[0] ? `${mounts[0][2]} on ${mounts[0][0]}` : 'unknown disk';
}

function isInMemory(directory: string): boolean {
  return /^(?:tmpfs|ramfs) /.test(diskOf(directory));
}

export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { isInstalled, type PeerName, versionOf } from './peers.ts';
import type { Comparison } from './rounds.ts';
import { type Contender, gib, type Row, type Scale, type Shape } from './shape.ts';

const names: Record<Contender, string> = {
  bonded: 'Bonded',
  'docker-registry': 'docker-registry',
  nginx: 'nginx',
  tools: '`openssl dgst` then `dd conv=fsync`',
};

/** A line for each figure and peer; a peer that is missing is said to be so, and never counts as beaten. */
export function tableOf(shape: Shape, comparisons: readonly Comparison[]): string[] {
  return comparisons.flatMap(({ row, medians, ratios }) => {
    const own = medians.get('bonded')!;
    const lines = shape.contenders
      .filter((name) => name !== 'bonded' && (ratios.has(name) || row.targets[name] !== undefined))
      .map((name) => {
        const target = row.targets[name];
        const ratio = ratios.get(name);
        const wanted = target === undefined ? '' : `${row.better === 'more' ? '≥' : '≤'} ${target} ×`;
        const start = [row.what, row.unit, figure(own), names[name]];
        if (!ratio) return cells(...start, 'not measured', '', wanted, '');
        const range = `${figure(ratio.median)} × (${figure(ratio.least)} to ${figure(ratio.most)})`;
        return cells(...start, figure(medians.get(name)!), range, wanted, verdict(row, ratio.median, target));
      });
    if (row.limit === undefined) return lines;
    return [
      ...lines,
      cells(row.what, row.unit, figure(own), '', '', '', `≤ ${row.limit}`, own <= row.limit ? 'met' : 'missed'),
    ];
  });
}

/** The lines of a shape that could not be measured at all. */
export function missingTableOf(shape: Shape, missing: readonly string[]): string[] {
  return shape.rows.map((row) =>
    cells(row.what, row.unit, 'not measured', `${missing.join(', ')} not found`, '', '', '', ''),
  );
}

function verdict(row: Row, ratio: number, target: number | undefined): string {
  if (target === undefined) return '';
  return (row.better === 'more' ? ratio >= target : ratio <= target) ? 'met' : 'missed';
}

export const tableHead = [
  cells('what', 'unit', 'Bonded', 'beside', 'its figure', 'Bonded ÷ it (least to most)', 'target', ''),
  '|---|---|--:|---|--:|--:|--:|---|',
];

function cells(...texts: string[]): string {
  return `| ${texts.join(' | ')} |`;
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return '?';
  return value >= 1000
    ? Math.round(value).toLocaleString('en').replaceAll(',', ' ')
    : String(Number(value.toPrecision(3)));
}

/** What the figures depend on. */
export function surroundings(scale: Scale, directory: string, loadBefore: number): string[] {
  const [cpu] = cpus();
  const peers: PeerName[] = ['bonded', 'docker-registry', 'nginx'];
  return [
    `- ${new Date().toISOString().slice(0, 10)}, ${scale.rounds} rounds, each contender once a round in turning order; medians.`,
    `- ${cpu?.model.trim()}, ${cpus().length} cores shared by servers and clients, ${Math.round(totalmem() / gib)} GiB, Linux ${release()}; ${diskOf(directory)}.`,
    `- Load average before the start: ${loadBefore.toFixed(2)}${loadBefore > 0.5 ? ', so somebody else was at work: take the figures with care' : ''}.`,
    ...peers.map(
      (name) =>
        `- ${names[name]}: ${isInstalled(name) ? versionOf(name) : 'not found, so not measured'}${name === 'bonded' ? `, from source on Bun ${Bun.version}` : ''}.`,
    ),
    `- zot: ${Bun.which('zot') ? 'found, but not driven yet' : 'not found, so not measured'}.`,
    '- **docker-registry does not sync**: an image that it acknowledged may be gone after a power cut. Bonded syncs bytes, directory and facts before it answers.',
    `- Blobs of ${Math.round(scale.blobBytes / 1024 ** 2)} MiB by curl, manifests by wrk (2 threads, 64 connections), images by the same bare client for all (16 connections).`,
  ];
}

/** File system and device of a directory. */
function diskOf(directory: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at]) => at !== undefined && (at === '/' || `${directory}/`.startsWith(`${at}/`)))
    .toSorted((a, b) => b[1]!.length - a[1]!.length);
  return mounts[0] ? `${mounts[0][2]} on ${mounts[0][0]}` : 'unknown disk';
}

export function currentLoad(): number {
  return loadavg()[0] ?? 0;
}

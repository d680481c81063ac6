import type { FoundPackage } from '../../reader.ts';

/** Tags of a header (rpm, "RPM tags"). */
const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  licence: 1014,
  arch: 1022,
  sourceRpm: 1044,
  modularityLabel: 5096,
} as const;
const wanted = new Map<number, keyof typeof tags>(
  Object.entries(tags).map(([name, tag]) => [tag, name as keyof typeof tags]),
);

/** Types of values: a number of 32 bits, texts that end with a NUL. Of an array the first counts. */
const int32 = 4;
const texts = new Set([6, 8, 9]);

/** Most entries of an index and bytes of values that rpm takes itself (`hdrblobRead`). */
const maxEntries = 0x0000ffff;
const maxBytes = 0x0fffffff;

const decoder = new TextDecoder();

/*
 * A header as databases keep it (rpm, "Header Format", without its lead), big-endian:
 *
 *   0 entries u32 | 4 bytes of values u32 | entries × (tag u32, type u32, offset u32, count u32) | values
 */

/** The package of a header; undefined for keys, which are kept as packages too. Throws where it is no header. */
export function packageOfHeader(header: Uint8Array): FoundPackage | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const entries = header.length >= 8 ? view.getUint32(0) : 0;
  const length = header.length >= 8 ? view.getUint32(4) : 0;
  const values = 8 + entries * 16;
  if (entries === 0 || entries > maxEntries || length > maxBytes || values + length > header.length) {
    throw new Error('a header of rpm is none');
  }
  const found: Partial<Record<keyof typeof tags, string>> = {};
  for (let at = 8; at < values; at += 16) {
    const name = wanted.get(view.getUint32(at));
    if (name === undefined) continue;
    const type = view.getUint32(at + 4);
    const offset = view.getUint32(at + 8);
    if (type === int32 && offset + 4 <= length) found[name] = `${view.getUint32(values + offset)}`;
    if (texts.has(type) && offset < length) found[name] = textAt(header, values + offset, values + length);
  }
  return packageOf(found);
}

function packageOf(found: Partial<Record<keyof typeof tags, string>>): FoundPackage | undefined {
  const { name = '', version = '', release = '', epoch, arch, licence, sourceRpm, modularityLabel } = found;
  if (name === '') throw new Error('a header of rpm has no name');
  if (name === 'gpg-pubkey') return undefined;
  const full = fullVersion(epoch, version, release);
  return {
    type: 'rpm',
    name,
    version: full,
    ...(arch !== undefined && { arch }),
    ...(licence !== undefined && licence !== '' && { licenses: [licence] }),
    source: sourceOf(sourceRpm, epoch) ?? { name, version: full },
    ...(modularityLabel !== undefined &&
      modularityLabel !== '' && { qualifiers: { modularitylabel: modularityLabel } }),
  };
}

/** `1:3.0.7-24.el9`; an epoch of 0 is none. */
export function fullVersion(epoch: string | undefined, version: string, release: string): string {
  const number = epoch !== undefined && epoch !== '' && epoch !== '0' && epoch !== '(none)' ? `${epoch}:` : '';
  return `${number}${version}${release === '' ? '' : `-${release}`}`;
}

/** Of `openssl-3.0.7-24.el9.src.rpm`. It has no epoch: what is built from it mostly has its own. */
export function sourceOf(sourceRpm: string | undefined, epoch?: string): { name: string; version: string } | undefined {
  const base = /^(.+)\.(?:no)?src\.rpm$/.exec(sourceRpm?.slice(0, 4096) ?? '')?.[1];
  const release = base?.lastIndexOf('-') ?? -1;
  const version = release > 0 ? base!.lastIndexOf('-', release - 1) : -1;
  if (!base || version <= 0) return undefined;
  return {
    name: base.slice(0, version),
    version: fullVersion(epoch, base.slice(version + 1, release), base.slice(release + 1)),
  };
}

function textAt(bytes: Uint8Array, from: number, to: number): string {
  const end = bytes.subarray(from, to).indexOf(0);
  return decoder.decode(bytes.subarray(from, end < 0 ? to : from + end));
}

import { createCollection } from './collect.ts';
import { extractorRevision, type LayerInventory, unreadLayer } from './layer-inventory.ts';
import { defaultLayerLimits, type LayerLimits } from './limits.ts';
import { createPathMarks } from './path-marks.ts';
import type { Reader } from './reader.ts';
import { readers as allReaders } from './readers.ts';
import { type ArchiveEntry, readArchive } from './tar/archive.ts';
import { leadsAway } from './systems/index.ts';
import { depthOf, normalisePath, parentOf } from './tar/path.ts';
import { byteSource } from './unpack/byte-source.ts';
import { unpack } from './unpack/unpack.ts';
import { createWarnings } from './warnings.ts';

export interface ReadLayerOptions {
  /** Of the layer's descriptor. It says what is encrypted; how the layer is packed is told by its bytes. */
  mediaType?: string;
  limits?: Partial<LayerLimits>;
  readers?: readonly Reader[];
  signal?: AbortSignal;
}

/** Whiteouts (OCI image-spec, layer.md "Whiteouts"), and what else AUFS and eStargz put among the files. */
const whiteout = '.wh.';
const opaque = '.wh..wh..opq';
const aufs = '.wh..wh.';
const estargz = new Set(['stargz.index.json', '.prefetch.landmark', '.no.prefetch.landmark']);

/**
 * Reads a layer once, from its first byte to its last, and keeps what its files say of packages. Nothing is written
 * anywhere. What is wrong with the layer is a warning in its inventory; it throws where its bytes could not be had, or `signal`
 * is aborted.
 */
export async function readLayer(
  stream: AsyncIterable<Uint8Array>,
  { mediaType = '', limits: some, readers = allReaders, signal }: ReadLayerOptions = {},
): Promise<LayerInventory> {
  if (mediaType.endsWith('+encrypted')) return unreadLayer('encrypted-layer');
  const limits = { ...defaultLayerLimits, ...some };
  const warnings = createWarnings(limits.warnings);
  const collection = createCollection(readers, limits, warnings);
  const marks = createPathMarks();
  let entries = 0;
  let lastParent: string | undefined;

  /** Not every archive has an entry for each directory. */
  function markParents(path: string): void {
    const parent = parentOf(path);
    if (parent === lastParent) return;
    lastParent = parent;
    for (let above = parent; above !== undefined; above = parentOf(above)) marks.directory(above);
  }

  async function keep(entry: ArchiveEntry): Promise<void> {
    const path = safePath(entry.name);
    if (path === undefined || path === '' || estargz.has(path)) return;
    const name = path.slice(path.lastIndexOf('/') + 1);
    markParents(path);
    if (name.startsWith(whiteout)) hide(path, name);
    else if (entry.kind === 'directory') {
      marks.directory(path);
      // Of what was found, only files can be in its place.
      collection.replaceFile(path);
    } else {
      marks.cover(path);
      collection.replace(path);
      if (entry.kind === 'file') await collection.file(path, entry);
      if (entry.kind === 'symlink' && leadsAway(path, entry.linkName)) {
        warnings.add('unread-link', path, 'a link in the place of a database, to where none is looked for');
      }
      if (entry.kind === 'hard-link') collection.hardLink(path, normalisePath(entry.linkName), entry.mode);
    }
  }

  function hide(path: string, name: string): void {
    const directory = parentOf(path) ?? '';
    if (name === opaque) marks.opaque(directory);
    else if (!name.startsWith(aufs) && name.length > whiteout.length) {
      marks.cover(`${directory === '' ? '' : `${directory}/`}${name.slice(whiteout.length)}`);
    }
  }

  function safePath(name: string): string | undefined {
    if (name.length > limits.pathBytes || depthOf(name) > limits.pathDepth) {
      warnings.add('long-path', name);
      return undefined;
    }
    const path = normalisePath(name);
    if (path === undefined) warnings.add('unsafe-path', name);
    return path;
  }

  const bytes = byteSource(unpack(watched(stream, signal), limits, warnings.add));
  for await (const entry of readArchive(bytes, limits, warnings.add)) {
    entries++;
    await keep(entry);
  }
  return {
    revision: extractorRevision,
    files: collection.files(),
    hides: marks.encode(),
    warnings: warnings.list,
    bytes: bytes.position,
    entries,
  };
}

async function* watched(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of stream) {
    signal?.throwIfAborted();
    yield piece;
  }
}

import type { ByteSource } from '../unpack/byte-source.ts';
import { fillHoles, type SparseFile } from './sparse.ts';

/** The bytes of one file of an archive. Whoever reads them has bounded `size` before. */
export interface EntryContent {
  /** Bytes in the archive. */
  readonly packedBytes: number;
  /** The first `count` bytes, or all where it has fewer. */
  head(count: number): Promise<Uint8Array>;
  /** All bytes, holes filled; what there is of them where the archive ends. Undefined where the map of its holes is none. */
  whole(): Promise<Uint8Array | undefined>;
  /** Bytes in the archive that nobody has read. */
  left(): number;
  /** The archive ended inside of it. */
  truncated(): boolean;
}

export function createContent(bytes: ByteSource, packedBytes: number, sparse: SparseFile | undefined): EntryContent {
  let read = 0;
  let truncated = false;
  let start: Uint8Array = new Uint8Array(0);

  async function fill(into: Uint8Array): Promise<Uint8Array> {
    const filled = await bytes.fill(into);
    read += filled;
    if (filled < into.length) truncated = true;
    return into.subarray(0, filled);
  }

  async function packed(): Promise<Uint8Array> {
    const all = new Uint8Array(packedBytes);
    all.set(start);
    const rest = await fill(all.subarray(start.length));
    return all.subarray(0, start.length + rest.length);
  }

  return {
    packedBytes,
    async head(count) {
      start = await fill(new Uint8Array(Math.min(count, packedBytes)));
      // A file with holes is known by its first bytes only once they are filled.
      if (!sparse) return start;
      start = await packed();
      return (fillHoles(sparse, start) ?? start).subarray(0, count);
    },
    async whole() {
      const all = await packed();
      return sparse ? fillHoles(sparse, all) : all;
    },
    left: () => packedBytes - read,
    truncated: () => truncated,
  };
}

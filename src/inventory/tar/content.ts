import type { ByteSource } from '../unpack/byte-source.ts';
import { fillHoles, type SparseFile } from './sparse.ts';

/** The bytes of one file of an archive, good until those of the next one are read. Whoever reads them has bounded sizes. */
export interface EntryContent {
  /** Bytes in the archive. */
  readonly packedBytes: number;
  /** The archive leaves out what is nothing but zeros. */
  readonly hasHoles: boolean;
  /** The first `count` bytes, or all where it has fewer; asked for once, before all. */
  head(count: number): Promise<Uint8Array>;
  /** All bytes, holes filled; what there is of them where the archive ends. Undefined where the map of its holes is none. */
  whole(): Promise<Uint8Array | undefined>;
  /** The next bytes of a file without holes, as many as `into` has or the file still has; says how many. After `head`, before `whole`. */
  part(into: Uint8Array): Promise<number>;
  /** Bytes in the archive that nobody has read. */
  left(): number;
  /** The archive ended inside of it. */
  truncated(): boolean;
}

/** Memory that one file after the other is read into: most layers have hundreds, and what is not reused is collected late. */
export type Scratch = (length: number) => Uint8Array;

export function createScratch(): Scratch {
  let kept = new Uint8Array(64 * 1024);
  return (length) => {
    // What nobody has written to takes no memory yet.
    if (length > kept.length) kept = new Uint8Array(Math.max(length, kept.length * 2));
    return kept.subarray(0, length);
  };
}

export function createContent(
  bytes: ByteSource,
  packedBytes: number,
  sparse: SparseFile | undefined,
  scratch: Scratch,
): EntryContent {
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
    const all = scratch(packedBytes);
    all.set(start);
    const rest = await fill(all.subarray(start.length));
    return all.subarray(0, start.length + rest.length);
  }

  return {
    packedBytes,
    hasHoles: sparse !== undefined,
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
    async part(into) {
      const known = start.subarray(0, into.length);
      into.set(known);
      start = start.subarray(known.length);
      const rest = into.subarray(known.length, known.length + packedBytes - read);
      return known.length + (await fill(rest)).length;
    },
    left: () => packedBytes - read,
    truncated: () => truncated,
  };
}

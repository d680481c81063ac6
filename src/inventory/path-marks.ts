import { parentOf } from './tar/path.ts';

/**
 * What a layer does to those below it, whatever they have: paths at which it has something, that it removes, or of which it
 * shows its own alone. Each is a mark of 64 bits, so that a layer of a million files says so in a bounded space. Two paths have
 * one mark by accident once in 10^14 images; who makes that happen has hidden what they could as well have left out.
 */
export interface PathMarks {
  /** A file, a link or a whiteout: what was there is gone, with all below. */
  cover(path: string): void;
  /** A directory: what was there is gone where it was none. */
  directory(path: string): void;
  /** An opaque directory (OCI image-spec, layer.md "Opaque Whiteout"): what was below it is gone. */
  opaque(path: string): void;
  /** In order, in base64. */
  encode(): string;
}

export function createPathMarks(): PathMarks {
  let marks = new BigUint64Array(256);
  let count = 0;
  function add(text: string): void {
    if (count === marks.length) {
      const more = new BigUint64Array(count * 2);
      more.set(marks);
      marks = more;
    }
    marks[count++] = Bun.hash.wyhash(text);
  }
  return {
    cover: add,
    directory: (path) => add(directoryMark(path)),
    opaque: (path) => add(opaqueMark(path)),
    encode() {
      const all = marks.subarray(0, count).toSorted();
      const sorted = all.filter((mark, at) => at === 0 || mark !== all[at - 1]);
      return Buffer.from(sorted.buffer, sorted.byteOffset, sorted.byteLength).toString('base64');
    },
  };
}

/** Whether a layer with these marks hides what layers below have at a path. */
export function readPathMarks(encoded: string): (path: string) => boolean {
  const bytes = Uint8Array.from(Buffer.from(encoded, 'base64'));
  const marks = new BigUint64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
  const has = (text: string) => isAmong(marks, Bun.hash.wyhash(text));
  return (path) => {
    if (marks.length === 0) return false;
    if (has(path) || has(directoryMark(path)) || has(opaqueMark(''))) return true;
    for (let above = parentOf(path); above !== undefined; above = parentOf(above)) {
      if (has(above) || has(opaqueMark(above))) return true;
    }
    return false;
  };
}

// No normalised path ends with a slash.
function directoryMark(path: string): string {
  return `${path}/`;
}

function opaqueMark(path: string): string {
  return `${path}//`;
}

function isAmong(sorted: BigUint64Array, mark: bigint): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < mark) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === mark;
}

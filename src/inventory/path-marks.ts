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

/** What lies at paths, and is found by the marks of a layer that hides it. */
export interface MarkedPaths<Thing> {
  /** False where there are as many paths as there may be, and this would be another one. */
  add(path: string, thing: Thing): boolean;
  /** What a layer hides, taken out: as long as the layer has marks, however much lies there. Yields where others may have a turn. */
  hide(encoded: string): Generator<void, Set<Thing>>;
}

/** Marks that are looked up at a time. */
const atOnce = 20_000;

/** A path with what lies at it and below. */
interface Place<Thing> {
  things: Thing[];
  below: Map<string, Place<Thing>>;
}

/** Which of a place a mark hides. */
type Part = 'all' | 'itself' | 'below';

/** `most` bounds the directories and files on the way to whatever is added: each takes about a kilobyte, and stays. */
export function createMarkedPaths<Thing>(most = Number.POSITIVE_INFINITY): MarkedPaths<Thing> {
  const parts = new Map<bigint, [Part, Place<Thing>]>();
  let count = 0;
  const root: Place<Thing> = { things: [], below: new Map() };
  parts.set(Bun.hash.wyhash(opaqueMark('')), ['below', root]);

  function placeOf(path: string): Place<Thing> | undefined {
    let place = root;
    for (let from = 0; from <= path.length;) {
      const slash = path.indexOf('/', from);
      const end = slash < 0 ? path.length : slash;
      const name = path.slice(from, end);
      let next = place.below.get(name);
      if (!next) {
        if (++count > most) return undefined;
        next = { things: [], below: new Map() };
        place.below.set(name, next);
        const above = path.slice(0, end);
        parts.set(Bun.hash.wyhash(above), ['all', next]);
        parts.set(Bun.hash.wyhash(directoryMark(above)), ['itself', next]);
        parts.set(Bun.hash.wyhash(opaqueMark(above)), ['below', next]);
      }
      place = next;
      from = end + 1;
    }
    return place;
  }

  return {
    add(path, thing) {
      const place = placeOf(path);
      place?.things.push(thing);
      return place !== undefined;
    },
    *hide(encoded) {
      const hidden = new Set<Thing>();
      let looked = 0;
      for (const mark of decode(encoded)) {
        if (++looked % atOnce === 0) yield;
        const found = parts.get(mark);
        if (!found) continue;
        const [part, place] = found;
        if (part !== 'below') take(place, hidden);
        if (part !== 'itself') takeBelow(place, hidden);
      }
      return hidden;
    },
  };
}

function take<Thing>(place: Place<Thing>, into: Set<Thing>): void {
  for (const thing of place.things) into.add(thing);
  place.things = [];
}

/** Places stay: most layers bring back what they hide. Paths are at most as deep as their limit. */
function takeBelow<Thing>(place: Place<Thing>, into: Set<Thing>): void {
  for (const next of place.below.values()) {
    take(next, into);
    takeBelow(next, into);
  }
}

function decode(encoded: string): BigUint64Array {
  // Copied: what a buffer begins at is no multiple of eight.
  const bytes = new Uint8Array(Buffer.from(encoded, 'base64'));
  return new BigUint64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
}

// No normalised path ends with a slash.
function directoryMark(path: string): string {
  return `${path}/`;
}

function opaqueMark(path: string): string {
  return `${path}//`;
}

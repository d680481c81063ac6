/** Bytes that come in pieces, to be taken in lengths of the taker's choice. */
export interface ByteSource {
  /** Bytes that were taken or skipped. */
  readonly position: number;
  /**
   * The next `count` bytes; fewer where it ends before, which then is all of them. They are good until the next call: mostly a
   * view of what came.
   */
  take(count: number): Promise<Uint8Array>;
  /** Passes over `count` bytes without keeping one; says how many there were. */
  skip(count: number): Promise<number>;
  /** Takes the next `into.length` bytes into a buffer of the caller's; says how many there were. */
  fill(into: Uint8Array): Promise<number>;
  /** Whatever comes next, in the pieces in which it comes; undefined at the end. */
  piece(): Promise<Uint8Array | undefined>;
  /** Takes back bytes that come next again. */
  giveBack(bytes: Uint8Array): void;
}

export function byteSource(pieces: AsyncIterable<Uint8Array>): ByteSource {
  const coming = pieces[Symbol.asyncIterator]();
  let piece: Uint8Array = new Uint8Array(0);
  let at = 0;
  let taken = 0;
  let ended = false;

  /** Makes some bytes ready; false at the end. */
  async function ready(): Promise<boolean> {
    while (at === piece.length) {
      if (ended) return false;
      const next = await coming.next();
      if (next.done === true) {
        ended = true;
        return false;
      }
      piece = next.value;
      at = 0;
    }
    return true;
  }

  async function fill(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length && (at < piece.length || (await ready()))) {
      const count = Math.min(into.length - filled, piece.length - at);
      into.set(piece.subarray(at, at + count), filled);
      at += count;
      filled += count;
    }
    taken += filled;
    return filled;
  }

  return {
    get position() {
      return taken;
    },
    async take(count) {
      if (at === piece.length) await ready();
      if (piece.length - at >= count) {
        at += count;
        taken += count;
        return piece.subarray(at - count, at);
      }
      const gathered = new Uint8Array(count);
      return gathered.subarray(0, await fill(gathered));
    },
    async skip(count) {
      let left = count;
      while (left > 0 && (at < piece.length || (await ready()))) {
        const passed = Math.min(left, piece.length - at);
        at += passed;
        left -= passed;
      }
      taken += count - left;
      return count - left;
    },
    fill,
    async piece() {
      if (!(await ready())) return undefined;
      const rest = piece.subarray(at);
      at = piece.length;
      taken += rest.length;
      return rest;
    },
    giveBack(bytes) {
      const rest = piece.subarray(at);
      piece = new Uint8Array(bytes.length + rest.length);
      piece.set(bytes);
      piece.set(rest, bytes.length);
      at = 0;
      taken -= bytes.length;
    },
  };
}

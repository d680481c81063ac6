import { randomBytes } from 'node:crypto';

export interface Random {
  /** From 0 up to, not including, 1. */
  (): number;
  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number;
  pick<T>(items: readonly T[]): T;
  chance(probability: number): boolean;
  /** Bytes that no other call of this process returns. */
  bytes(size: number): Uint8Array;
}

/** What content is cut from: making it anew each time would cost more than pushing it. */
const pool = randomBytes(4 * 1024 * 1024);
let stamp = 0;

/** The same seed makes the same choices (mulberry32); what a kill meets still depends on the machine's timing. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return Object.assign(next, {
    below,
    pick: <T>(items: readonly T[]) => items[below(items.length)]!,
    chance: (probability: number) => next() < probability,
    bytes(size: number) {
      const bytes = new Uint8Array(Math.max(16, size));
      for (let done = 0; done < size;) {
        const at = below(pool.byteLength);
        const some = pool.subarray(at, at + size - done);
        bytes.set(some, done);
        done += some.byteLength;
      }
      new DataView(bytes.buffer).setFloat64(0, ++stamp);
      return bytes;
    },
  });
}

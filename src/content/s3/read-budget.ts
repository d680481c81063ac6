/** What a reader gets however many there are (bytes): less, and requests would cost more than what they bring. */
export const smallestWindow = 64 * 1024;
/** Windows of one reader at once: the one that its client takes, and the one that comes. */
const windowsAtOnce = 2;

/** The bytes that one reader has in memory, or asks S3 for. */
export interface ReadShare {
  /**
   * Takes as much as there is for a window of up to `wanted` bytes; returns how much. Where it is `needed`, that is at
   * least 64 KiB, however much the others have; otherwise it may be 0.
   */
  take(wanted: number, needed: boolean): number;
  give(bytes: number): void;
}

export interface ReadBudget {
  share(): ReadShare;
  /** Bytes that all readers have. */
  held(): number;
}

/**
 * Bounds the bytes of all readers of S3 to `most`, and 64 KiB for each reader that comes when they are taken. Each has
 * the same part, so that readers get less each as they become more, and nobody waits for one whose client has stopped.
 */
export function createReadBudget(most: number): ReadBudget {
  let held = 0;
  let holders = 0;
  return {
    held: () => held,
    share() {
      let mine = 0;
      return {
        take(wanted, needed) {
          const others = mine === 0 ? holders : holders - 1;
          const fair = most / (others + 1);
          const room = Math.floor(Math.min(wanted, fair / windowsAtOnce, fair - mine, most - held));
          const least = Math.min(wanted, smallestWindow);
          const taken = room >= least ? room : needed ? least : 0;
          if (mine === 0 && taken > 0) holders++;
          mine += taken;
          held += taken;
          return taken;
        },
        give(bytes) {
          mine -= bytes;
          held -= bytes;
          if (mine === 0 && bytes > 0) holders--;
        },
      };
    },
  };
}

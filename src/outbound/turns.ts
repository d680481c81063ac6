/** Lets some through at once, and the others in the order in which they came. */
export interface Turns {
  /**
   * Resolves when it is the caller's turn, with what ends it, to be called exactly once. Rejects with a TimeoutError
   * where that takes longer than `waitMs`.
   */
  take(waitMs: number): Promise<() => void>;
}

export function createTurns(most: number): Turns {
  const waiting = new Set<() => void>();
  let taken = 0;

  function end(): void {
    const [next] = waiting;
    if (!next) return void taken--;
    waiting.delete(next);
    next();
  }

  return {
    async take(waitMs) {
      if (taken < most) {
        taken++;
        return end;
      }
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.add(resolve);
      const timer = setTimeout(() => {
        waiting.delete(resolve);
        reject(new DOMException('no turn came', 'TimeoutError'));
      }, waitMs);
      await promise.finally(() => clearTimeout(timer));
      return end;
    },
  };
}

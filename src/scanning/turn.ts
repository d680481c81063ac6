/** Reads of SQLite give nobody a turn by themselves: whoever does much work on the event loop awaits this between two parts of it. */
export const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Does what yields where others may have a turn. Throws what `signal`, if there is one, was aborted with. */
export async function inTurns<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await turn();
    signal?.throwIfAborted();
  }
}

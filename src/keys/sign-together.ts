interface Waiting extends PromiseWithResolvers<string> {
  json: string;
}

/**
 * Signs what comes in one turn of the event loop together, one right after the other, at its end. A signature walks through
 * tables of 150 KB: beside everything else that a request does they are not in the processor's cache any more, and it takes
 * 35 µs where the second one in a row takes 20.
 */
export function createSigningTurn(sign: (json: string) => string): (json: string) => Promise<string> {
  let turn: Waiting[] = [];

  function signAll(): void {
    const all = turn;
    turn = [];
    for (const { json, resolve, reject } of all) {
      try {
        resolve(sign(json));
      } catch (error) {
        reject(error);
      }
    }
  }

  return (json) => {
    const waiting: Waiting = { json, ...Promise.withResolvers<string>() };
    if (turn.push(waiting) === 1) setImmediate(signAll);
    return waiting.promise;
  };
}

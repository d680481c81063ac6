/** How long a scrape may take (ms). */
const limitMs = 5000;

/** The worker's side of a scrape: the parent knows the metrics of all. */
export function createRendering(ask: (render: number) => void) {
  let renders = 0;
  const waiting = new Map<number, (text: string) => void>();
  return {
    async render(): Promise<string> {
      const render = ++renders;
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      waiting.set(render, resolve);
      const late = setTimeout(() => reject(new Error('the parent process does not answer for the metrics')), limitMs);
      ask(render);
      try {
        return await promise;
      } finally {
        clearTimeout(late);
        waiting.delete(render);
      }
    },
    rendered: (render: number, text: string) => waiting.get(render)?.(text),
  };
}

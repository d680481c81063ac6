import { countsOf, mergeSnapshots, type Metrics, type MetricsSnapshot, renderSnapshots } from '../telemetry/index.ts';
import type { WorkerProcess } from './spawn-worker.ts';

/** How long a scrape waits for a worker that is busy (ms); then what it said last stands for it. */
const answerMs = 1000;

/**
 * Metrics of the whole server: of the workers, of those that have ended, and `own`, of the parent. Values are asked for
 * at each scrape; in between `ask` is to be called from time to time, because what a worker counted after it was last
 * asked is lost when it is killed.
 */
export function gatherMetrics(own: Metrics) {
  const latest = new Map<WorkerProcess, MetricsSnapshot>();
  const waiting = new Map<WorkerProcess, () => void>();
  const live = new Set<WorkerProcess>();
  let retired: MetricsSnapshot = [];
  let retiring: Promise<void> = Promise.resolve();
  let asking: Promise<void> | undefined;

  async function askAll(): Promise<void> {
    const answers = [...live].map(
      (worker) =>
        new Promise<void>((resolve) => {
          waiting.set(worker, resolve);
          worker.send({ act: 'measure' });
        }),
    );
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, answerMs);
    await Promise.race([Promise.all(answers), late.promise]);
    clearTimeout(timer);
  }

  /** Scrapes that come at the same time share the answers. */
  const ask = () => (asking ??= askAll().finally(() => (asking = undefined)));

  return {
    ask,
    added: (worker: WorkerProcess) => void live.add(worker),
    measured(worker: WorkerProcess, values: MetricsSnapshot): void {
      if (!live.has(worker)) return;
      latest.set(worker, values);
      waiting.get(worker)?.();
      waiting.delete(worker);
    },
    /** What it counted is kept: a counter must never go back. */
    ended(worker: WorkerProcess): void {
      live.delete(worker);
      waiting.get(worker)?.();
      waiting.delete(worker);
      const last = latest.get(worker);
      if (!last) return;
      retiring = retiring.then(async () => {
        retired = await mergeSnapshots([retired, countsOf(last)]);
        latest.delete(worker);
      });
    },
    async render(): Promise<string> {
      await ask();
      await retiring;
      own.workers.set(live.size);
      return renderSnapshots([...latest.values(), await own.snapshot(), retired]);
    },
  };
}

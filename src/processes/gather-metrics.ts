import { countsOf, mergeSnapshots, type Metrics, type MetricsSnapshot, renderSnapshots } from '../telemetry/index.ts';
import type { WorkerProcess } from './spawn-worker.ts';

/** How long a scrape waits for a worker that is busy (ms); then what it said last stands for it. */
const answerMs = 1000;
/** Snapshots of workers that have ended, before they are made one. */
const mostRetired = 8;

/**
 * Metrics of the whole server: of the workers, of those that have ended, and `own`, of the parent. Each scrape asks the
 * workers. They should be asked in between, too: what a worker counted since then is lost when it is killed.
 */
export function gatherMetrics(own: Metrics) {
  const live = new Set<WorkerProcess>();
  const latest = new Map<WorkerProcess, MetricsSnapshot>();
  const waiting = new Map<WorkerProcess, () => void>();
  let retired: MetricsSnapshot[] = [];
  let rendering: Promise<string> | undefined;

  async function askAll(): Promise<void> {
    const answers = [...live].map((worker) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(worker, resolve);
      worker.send({ act: 'measure' });
      return promise;
    });
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, answerMs);
    await Promise.race([Promise.all(answers), late.promise]);
    clearTimeout(timer);
  }

  function answered(worker: WorkerProcess): void {
    waiting.get(worker)?.();
    waiting.delete(worker);
  }

  async function render(): Promise<string> {
    await askAll();
    if (retired.length > mostRetired) {
      const merged = retired;
      const one = await mergeSnapshots(merged);
      retired = [one, ...retired.slice(merged.length)];
    }
    own.workers.set(live.size);
    const parent = await own.snapshot();
    // Nothing is awaited here: a worker that ends is among the first or the last, and never in both.
    return renderSnapshots([...latest.values(), parent, ...retired]);
  }

  return {
    added: (worker: WorkerProcess) => void live.add(worker),
    measured(worker: WorkerProcess, values: MetricsSnapshot): void {
      if (!live.has(worker)) return;
      latest.set(worker, values);
      answered(worker);
    },
    /** What it counted is kept: a counter must never go back. */
    ended(worker: WorkerProcess): void {
      live.delete(worker);
      answered(worker);
      const last = latest.get(worker);
      latest.delete(worker);
      if (last) retired = [...retired, countsOf(last)];
    },
    /** Scrapes that come together share one answer. */
    render: (): Promise<string> => (rendering ??= render().finally(() => (rendering = undefined))),
  };
}

import { type App, startApp } from '../app/index.ts';
import { createParentClaims } from '../content/index.ts';
import { parentWriteToken } from '../database/index.ts';
import { ListenError } from '../http/index.ts';
import { createLog, type Log } from '../telemetry/index.ts';
import { type FromWorker, isAct, type ToWorker, type WorkerOrder } from './messages.ts';
import { createRendering } from './render-metrics.ts';

/**
 * The life of a worker: it serves as its parent orders, until that has it drain or is gone. Signals are the parent's:
 * a terminal, or whoever ends a whole group of processes, sends them to all.
 */
export function runWorker(): void {
  if (!process.send) throw new Error('workers are started by bonded serve; see the setting processes');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});
  const say = (message: FromWorker) => void (process.connected && process.send!(message));
  const rendering = createRendering((render) => say({ act: 'render', render }));
  let log: Log | undefined;
  let starting: Promise<App> | undefined;
  let draining: Promise<number> | undefined;
  let drained = false;

  // Without its parent it has neither the data directory nor the right to write: it finishes nothing.
  const end = () => {
    if (!drained) log?.warn({}, 'the channel to the parent process is closed; this worker ends');
    process.exit(drained ? 0 : 1);
  };
  process.on('disconnect', end);
  /** Whoever asks the parent for something may hear first that it is gone: no client is to be told of that. */
  const orEnd = (error: unknown): never => {
    if (!process.connected) end();
    throw error;
  };

  async function start({ config, worker, background }: WorkerOrder): Promise<App> {
    log = createLog(config.log, process.stdout.isTTY, undefined, worker);
    const claims = createParentClaims();
    return startApp(config, log, {
      writeToken: { acquire: () => parentWriteToken.acquire().catch(orEnd) },
      claims: { claim: (upload) => claims.claim(upload).catch(orEnd) },
      background,
      renderMetrics: rendering.render,
    });
  }

  async function drain(): Promise<number> {
    const app = await starting;
    const cut = (await app?.stop()) ?? 0;
    drained = true;
    return cut;
  }

  process.on('message', (message: unknown) => {
    if (!isAct(message)) return;
    const told = message as ToWorker;
    if (told.act === 'order' && !starting && !draining) {
      starting = start(told.order);
      starting.then(
        ({ url, metricsUrl, listenerUrls }) => say({ act: 'serving', addresses: { url, metricsUrl, listenerUrls } }),
        // The parent then ends the channel.
        (error: Error) => {
          const taken = error instanceof ListenError ? error.taken : undefined;
          say({ act: 'failed', reason: error.message, taken });
        },
      );
    }
    if (told.act === 'measure')
      void starting?.then(async (app) => say({ act: 'measured', values: await app.metrics.snapshot() }));
    if (told.act === 'rendered') rendering.rendered(told.render, told.text);
    if (told.act === 'drain') {
      draining ??= drain();
      void draining.then((cut) => say({ act: 'drained', cut }));
    }
  });
  say({ act: 'ready' });
}

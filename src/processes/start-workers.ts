import { prepareStorage } from '../app/index.ts';
import type { Configuration } from '../configuration.ts';
import { grantUploadClaims } from '../content/index.ts';
import { grantWriteToken } from '../database/index.ts';
import { listenOnReserved, type ReservedPorts } from '../http/index.ts';
import { createMetrics, type Log } from '../telemetry/index.ts';
import { drainWorker } from './drain-worker.ts';
import { gatherMetrics } from './gather-metrics.ts';
import type { Addresses } from './messages.ts';
import { createRestarts } from './restarts.ts';
import { spawnWorker, type WorkerProcess } from './spawn-worker.ts';
import { type Watch, watchSilence } from './watch-worker.ts';

export interface Workers extends Addresses {
  /** Resolves when the workers end again and again, so that going on is of no use; with what to say. */
  readonly failure: Promise<Error>;
  /** Finishes what is in flight and ends all. Resolves with the number of requests that were cut. */
  stop(): Promise<number>;
}

/**
 * Serves by `config.processes` workers, which this process starts, supplies and replaces. It holds the data directory,
 * grants the right to write and keeps the claims of uploads; requests never pass through it. Worker 1 does the
 * background work.
 */
export async function startWorkers(config: Configuration, log: Log): Promise<Workers> {
  if (process.platform !== 'linux')
    throw new Error('processes: several processes can share a port on Linux only; leave it at 1');
  using stack = new DisposableStack();
  stack.defer(await prepareStorage(config));
  const own = createMetrics();
  const metrics = gatherMetrics(own);
  const grants = [grantWriteToken(), grantUploadClaims()];
  const running = new Set<WorkerProcess>();
  const { promise: failure, resolve: fail } = Promise.withResolvers<Error>();
  const { listeners } = config.network;
  const wanted = { listen: config.listen, metricsListen: config.metrics.listen, listeners };
  /** Known once one of them listens there. */
  const { promise: shared, resolve: share } = Promise.withResolvers<ReservedPorts>();
  let stopping = false;

  function start(number: number, ports: Promise<ReservedPorts>): WorkerProcess {
    let watch: Watch | undefined;
    const order = ports.then(({ listen, metricsListen, listeners: reserved }) => ({
      config: {
        ...config,
        listen,
        metrics: { listen: metricsListen },
        network: {
          ...config.network,
          listeners: listeners.map((listener, at) => ({ ...listener, listen: reserved[at]! })),
        },
      },
      worker: number,
      background: number === 1,
    }));
    const worker = spawnWorker(number, order, {
      shared: (message, child) => grants.some((grant) => grant(message, child)),
      measured(from, values) {
        watch?.heard();
        metrics.measured(from, values);
      },
      render(from, render) {
        metrics.render().then(
          (text) => from.send({ act: 'rendered', render, text }),
          (error: unknown) => log.error({ err: error }, 'the metrics of the workers could not be put together'),
        );
      },
    });
    const stuck = (silentMs: number) => {
      log.error({ worker: number, seconds: Math.round(silentMs / 1000) }, 'a worker stands still; it is ended');
      worker.kill();
    };
    const served = () => {
      metrics.added(worker);
      watch = watchSilence(() => worker.send({ act: 'measure' }), stuck);
    };
    void worker.serving.then(served, () => {});
    running.add(worker);
    void worker.ended.then(() => {
      watch?.stop();
      running.delete(worker);
      metrics.ended(worker);
    });
    return worker;
  }

  /** Replaces a worker for as long as that makes sense. */
  async function keep(worker: WorkerProcess): Promise<void> {
    const { number } = worker;
    const restarts = createRestarts();
    for (let current = worker; ;) {
      const reason = current.serving.then(
        () => undefined,
        (error: Error) => error.message,
      );
      const ended = await current.ended;
      if (stopping) return;
      const pauseMs = restarts.pauseAfter(performance.now());
      const fields = { worker: number, pid: current.pid, ended, reason: await reason };
      if (pauseMs === undefined) {
        log.error(fields, 'a worker ended, again and again');
        return fail(new Error(`worker ${number} ended ${restarts.inRow()} times in a row, the last time ${ended}`));
      }
      log.error({ ...fields, pauseMs }, 'a worker ended; it is replaced');
      own.restarts.inc();
      await Bun.sleep(pauseMs);
      if (stopping) return;
      current = start(number, shared);
    }
  }

  async function stop(): Promise<number> {
    stopping = true;
    const { delay, timeout } = config.drain;
    const drained = await Promise.all([...running].map((worker) => drainWorker(worker, delay + timeout)));
    held.dispose();
    return drained.reduce((sum, cut) => sum + cut, 0);
  }

  const workers: WorkerProcess[] = [];

  /** Starts worker 1 on these ports; the others load meanwhile. */
  async function startFirst(ports: ReservedPorts): Promise<Addresses> {
    workers[0] = start(1, Promise.resolve(ports));
    for (let number = workers.length + 1; number <= config.processes; number++) workers.push(start(number, shared));
    return workers[0].serving;
  }

  let addresses: Addresses;
  try {
    // One alone serves first: what is wrong is then said once.
    const { ports, served } = await listenOnReserved(wanted, startFirst);
    stack.use(ports);
    addresses = served;
    if (config.listen.port !== 0 && ports.listen.port !== config.listen.port)
      log.warn({ wanted: config.listen.port, port: ports.listen.port }, 'the port is taken; the next free one is used');
    share(ports);
    for (const worker of workers) await worker.serving;
  } catch (error) {
    stopping = true;
    const left = [...running];
    for (const worker of left) worker.kill();
    await Promise.all(left.map((worker) => worker.ended));
    throw error;
  }
  for (const worker of workers) void keep(worker);
  const held = stack.move();
  return { ...addresses, failure, stop };
}

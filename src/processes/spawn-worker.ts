import { ListenError } from '../http/index.ts';
import { type Addresses, type FromWorker, isAct, type ToWorker, type WorkerOrder } from './messages.ts';

/** A worker as its parent sees it. */
export interface WorkerProcess {
  readonly number: number;
  readonly pid: number;
  /** Rejects, with the reason for the operator, when it ends before it serves; with a `ListenError` where it cannot listen. */
  readonly serving: Promise<Addresses>;
  /** Resolves when it is gone, with how it ended. */
  readonly ended: Promise<string>;
  /** Requests that it cut when it drained. */
  cut: number;
  /** Says something to it; nothing where it is gone. */
  send(message: ToWorker): void;
  kill(): void;
  /** Ends its channel, and so the worker: it has said its last. */
  release(): void;
}

/** What becomes of the other messages: those of the token and the claims are told by their process. */
export interface Receivers {
  shared(message: unknown, child: Bun.Subprocess): boolean;
  measured(worker: WorkerProcess, values: Extract<FromWorker, { act: 'measured' }>['values']): void;
  render(worker: WorkerProcess, render: number): void;
}

/** How long a worker may take until it serves (ms); its parent has done what could take long. */
const startMs = 60_000;

/**
 * Starts this program again as a worker: the same executable, with the same options of Bun. It loads at once, whenever
 * its order comes.
 */
export function spawnWorker(number: number, order: Promise<WorkerOrder>, receivers: Receivers): WorkerProcess {
  const { promise: serving, resolve: serves, reject: failed } = Promise.withResolvers<Addresses>();
  serving.catch(() => {});
  const program = Bun.isStandaloneExecutable ? [] : [...process.execArgv, Bun.main];
  const child = Bun.spawn([process.execPath, ...program, 'worker'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc(message: unknown, from) {
      if (receivers.shared(message, from) || !isAct(message)) return;
      receive(message as FromWorker);
    },
  });

  function receive(message: FromWorker): void {
    if (message.act === 'ready') void order.then((known) => worker.send({ act: 'order', order: known }));
    if (message.act === 'serving') serves(message.addresses);
    if (message.act === 'failed') {
      failed(message.taken ? new ListenError(message.reason, message.taken) : new Error(message.reason));
      worker.release();
    }
    if (message.act === 'measured') receivers.measured(worker, message.values);
    if (message.act === 'render') receivers.render(worker, message.render);
    if (message.act === 'drained') {
      worker.cut = message.cut;
      worker.release();
    }
  }

  const late = setTimeout(() => {
    failed(new Error(`worker ${number} did not start within ${startMs / 1000} s`));
    child.kill('SIGKILL');
  }, startMs);
  void serving.then(
    () => clearTimeout(late),
    () => clearTimeout(late),
  );
  const ended = child.exited.then((code) => {
    const how = child.signalCode ? `by ${child.signalCode}` : `with code ${code}`;
    failed(new Error(`worker ${number} ended ${how} before it served`));
    return how;
  });

  const worker: WorkerProcess = {
    number,
    pid: child.pid,
    serving,
    ended,
    cut: 0,
    send: (message) => unlessClosed(() => child.send(message)),
    kill: () => child.kill('SIGKILL'),
    release: () => unlessClosed(() => child.disconnect()),
  };
  return worker;
}

/** A channel that is closed belongs to a worker that has ended, or is about to. */
function unlessClosed(act: () => unknown): void {
  try {
    act();
  } catch {
    // Its end is heard of otherwise.
  }
}

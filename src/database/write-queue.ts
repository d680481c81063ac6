/** The right to write to the SQLite file, held by one process at a time. Resolves with the function that returns it. */
export interface WriteToken {
  acquire(): Promise<() => void>;
}

/** Where there is one process, the token is always free. */
export const localWriteToken: WriteToken = { acquire: async () => () => {} };

/** What the queue needs of the connection that writes. A write runs in a savepoint of its own, see sqlite-dialect.ts. */
export interface WriteConnection {
  /** Throws SQLITE_BUSY at once where another program writes. */
  begin(): void;
  commit(): void;
  rollback(): void;
  /** False also when SQLite has rolled back by itself, as it does on a full disk. */
  inTransaction(): boolean;
  /** Undoes the write that is running; whatever it still tries to do is refused. */
  abandon(): void;
}

export interface WriteQueue {
  push<T>(run: () => Promise<T>, durable: boolean): Promise<T>;
  /** Runs `action` while nobody writes, in any process. */
  alone(action: () => Promise<void>): Promise<void>;
  /** The disk failed: refuses all writes, those that wait included. */
  fail(error: Error): void;
  failure(): Error | undefined;
  /** Refuses further writes; resolves when everything queued has been answered. */
  close(): Promise<void>;
}

interface Queued {
  run(): Promise<unknown>;
  durable: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A batch ends after this time (ms), so that the event loop goes on serving and the token goes on to others. */
const batchMs = 5;
/** How long a program without the token, such as an offline command, may keep the file locked (ms). */
const busyMs = 5000;

/**
 * Group commit: the holder of the token runs every queued write in one transaction, commits, passes the token, and
 * answers after one sync. A write that fails is undone alone.
 */
export function createWriteQueue(
  token: WriteToken,
  connection: WriteConnection,
  sync: () => Promise<void>,
  committed: () => void = () => {},
): WriteQueue {
  let queue: Queued[] = [];
  /** So many of the first writes run in a transaction each, because one of them broke the one that they shared. */
  let apart = 0;
  let exclusive: Queued[] = [];
  let draining: Promise<void> | undefined;
  let failure: Error | undefined;
  let closed = false;
  const answering = new Set<Promise<void>>();

  async function drain(): Promise<void> {
    while (queue.length > 0 || exclusive.length > 0) {
      answer(await turn());
      // Lets requests, timers and answers run between two batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
    draining = undefined;
  }

  /** Holds the token once. */
  async function turn(): Promise<Outcome[]> {
    const actions = exclusive;
    exclusive = [];
    let release: (() => void) | undefined;
    try {
      release = await token.acquire();
      for (const { run, resolve, reject } of actions) await run().then(resolve, reject);
      if (queue.length === 0) return [];
      await begin();
      return await batch();
    } catch (error) {
      // No token, or no transaction. Whoever waits for one now would only fail later.
      for (const { reject } of [...actions, ...queue.splice(0)]) reject(error);
      return [];
    } finally {
      release?.();
    }
  }

  /** `busy_timeout` would stop the event loop; this waits beside it. */
  async function begin(): Promise<void> {
    if (failure) throw failure;
    for (const until = performance.now() + busyMs; ;) {
      try {
        return connection.begin();
      } catch (error) {
        if (!isBusy(error) || performance.now() > until) throw error;
        await Bun.sleep(5);
      }
    }
  }

  /** Runs and commits the first writes of the queue; resolves with the functions that answer them. */
  async function batch(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    try {
      const until = performance.now() + batchMs;
      const most = apart > 0 ? 1 : Number.POSITIVE_INFINITY;
      while (outcomes.length < Math.min(queue.length, most) && (outcomes.length === 0 || performance.now() < until)) {
        const outcome = await attempt(queue[outcomes.length]!, connection);
        outcomes.push(outcome);
        if (!connection.inTransaction()) throw outcome.error ?? new Error('SQLite ended the transaction');
      }
      connection.commit();
    } catch (error) {
      if (connection.inTransaction()) connection.rollback();
      // A full disk, or a constraint that is checked at commit: nothing of this transaction holds.
      if (outcomes.length > 1) {
        apart = outcomes.length;
        return [];
      }
      outcomes[0]!.error = error;
      outcomes[0]!.failed = true;
    }
    queue = queue.slice(outcomes.length);
    apart = Math.max(0, apart - outcomes.length);
    return outcomes;
  }

  function answer(outcomes: Outcome[]): void {
    const synced: Outcome[] = [];
    for (const outcome of outcomes) {
      const { write, value, error, failed } = outcome;
      if (failed) write.reject(error);
      else if (write.durable) synced.push(outcome);
      else write.resolve(value);
    }
    if (synced.length > 0) {
      // Not awaited: the next batch commits while this one is being synced.
      const answered = sync().then(
        () => synced.forEach(({ write, value }) => write.resolve(value)),
        (error: Error) => {
          failure ??= error;
          for (const { write } of synced) write.reject(error);
        },
      );
      answering.add(answered);
      void answered.finally(() => answering.delete(answered));
    }
    if (outcomes.some(({ failed }) => !failed)) committed();
  }

  const enqueue = <T>(to: 'writes' | 'exclusive', run: () => Promise<T>, durable: boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const queued = { run, durable, resolve: resolve as (value: unknown) => void, reject };
      (to === 'writes' ? queue : exclusive).push(queued);
      // Starts after the current turn, so that writes of requests that arrived together share a commit.
      draining ??= Promise.resolve().then(drain);
    });

  return {
    push: (run, durable) =>
      failure || closed
        ? Promise.reject(failure ?? new Error('the database is closed'))
        : enqueue('writes', run, durable),
    alone: (action) => enqueue('exclusive', action, true),
    fail(error) {
      failure ??= error;
    },
    failure: () => failure,
    async close() {
      closed = true;
      while (draining || answering.size > 0) {
        await draining;
        await Promise.all(answering);
      }
    },
  };
}

interface Outcome {
  write: Queued;
  failed: boolean;
  value?: unknown;
  error?: unknown;
}

/** Runs one write. It may await its own statements only, and those never let the event loop turn. */
async function attempt(write: Queued, connection: WriteConnection): Promise<Outcome> {
  const { promise: tooLong, reject } = Promise.withResolvers<never>();
  const turned = setImmediate(() => {
    connection.abandon();
    reject(new Error('a write awaited something else than statements of its transaction; it was undone'));
  });
  try {
    return { write, failed: false, value: await Promise.race([write.run(), tooLong]) };
  } catch (error) {
    return { write, failed: true, error };
  } finally {
    clearImmediate(turned);
  }
}

export function isBusy(error: unknown): boolean {
  return (error as { code?: string }).code?.startsWith('SQLITE_BUSY') ?? false;
}

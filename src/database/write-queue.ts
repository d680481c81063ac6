/** The right to write to the SQLite file, held by one process at a time. Resolves with the function that returns it. */
export interface WriteToken {
  acquire(): Promise<() => void>;
}

/** Where there is one process, the token is always free. */
export const localWriteToken: WriteToken = { acquire: async () => () => {} };

interface Queued {
  run(): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface WriteQueue {
  push<T>(run: () => Promise<T>): Promise<T>;
  /** Resolves when everything queued has been answered. */
  idle(): Promise<void>;
}

/** A batch ends after this time (ms), so that the event loop goes on serving and the token goes on to others. */
const batchMs = 5;

/**
 * Group commit: the holder of the token runs every queued write in one transaction, each in a savepoint, commits,
 * passes the token, and answers after one sync. A write that fails is undone alone.
 */
export function createWriteQueue(
  token: WriteToken,
  exec: (statement: string) => void,
  sync: () => Promise<void>,
): WriteQueue {
  let queue: Queued[] = [];
  let draining: Promise<void> | undefined;
  const answering = new Set<Promise<void>>();

  async function batch(): Promise<{ done: { write: Queued; value: unknown }[] }> {
    const done: { write: Queued; value: unknown }[] = [];
    const release = await token.acquire();
    const taken: Queued[] = [];
    try {
      exec('BEGIN IMMEDIATE');
      const until = performance.now() + batchMs;
      for (let at = 0; at < queue.length && (at === 0 || performance.now() < until); at++) {
        const write = queue[at]!;
        taken.push(write);
        exec('SAVEPOINT queued');
        try {
          done.push({ write, value: await write.run() });
          exec('RELEASE queued');
        } catch (error) {
          exec('ROLLBACK TO queued');
          exec('RELEASE queued');
          write.reject(error);
        }
      }
      queue = queue.slice(taken.length);
      exec('COMMIT');
      return { done };
    } catch (error) {
      // BEGIN or COMMIT failed, or a failure ended the transaction (a full disk does): nothing of this batch holds.
      if (taken.length === 0 && queue[0]) taken.push(queue[0]);
      queue = queue.filter((write) => !taken.includes(write));
      try {
        exec('ROLLBACK');
      } catch {
        // SQLite had rolled back by itself.
      }
      for (const write of taken) write.reject(error);
      return { done: [] };
    } finally {
      release();
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const { done } = await batch();
      if (done.length > 0) {
        // Not awaited: the next batch commits while this one is being synced.
        const answer = sync().then(
          () => done.forEach(({ write, value }) => write.resolve(value)),
          (error: unknown) => done.forEach(({ write }) => write.reject(error)),
        );
        answering.add(answer);
        void answer.finally(() => answering.delete(answer));
      }
      // Lets requests, timers and the answers above run between two batches.
      await new Promise((resolve) => setImmediate(resolve));
    }
    draining = undefined;
  }

  return {
    push: (run) =>
      new Promise((resolve, reject) => {
        queue.push({ run, resolve: resolve as (value: unknown) => void, reject });
        // Starts after the current turn, so that writes of requests that arrived together share a commit.
        draining ??= Promise.resolve().then(drain);
      }),
    async idle() {
      while (draining || answering.size > 0) {
        await draining;
        await Promise.all(answering);
      }
    },
  };
}

/** One sync at a time; who asks while one is under way shares the next, which begins after their commit. */
export function createSyncer(datasync: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    running = datasync().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (!running) return start();
    next ??= running
      .catch(() => {})
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}

import type { Pool, PoolClient, QueryConfig } from 'pg';

/**
 * Nobody joins look-ups of which none was answered for this long (ms): one of them may be slow. An event loop that is late
 * may hear of answers that late, too.
 */
const promptMs = 500;

/** A connection on which look-ups are under way. They are sent at once and answered in order. */
interface Lane {
  client: Promise<PoolClient>;
  underWay: number;
  /** When it answered last. Those that come before it is there wait for it, as for any other connection. */
  movedAt: number;
}

/** Sends one statement that reads, outside of any transaction. */
export type LookUp = (query: QueryConfig) => Promise<readonly unknown[]>;

/**
 * Sends look-ups over half of a pool's connections, so that those of hundreds of requests are under way at the same time,
 * and writes do not wait behind them. Each has a connection for itself while there is one; beyond that they share those
 * which answer. Where none does, a look-up waits for a connection as everything else.
 */
export function createLookUps(pool: Pool, poolSize: number): LookUp {
  const most = Math.max(1, poolSize >> 1);
  const lanes = new Set<Lane>();

  function choose(): Lane | undefined {
    if (lanes.size < most) {
      const lane = { client: pool.connect(), underWay: 0, movedAt: Infinity };
      lane.client.then(
        () => (lane.movedAt = performance.now()),
        () => lanes.delete(lane),
      );
      lanes.add(lane);
      return lane;
    }
    const since = performance.now() - promptMs;
    let best: Lane | undefined;
    for (const lane of lanes) if (lane.movedAt > since && lane.underWay < (best?.underWay ?? Infinity)) best = lane;
    return best;
  }

  /** Before its answer is heard: whoever asks next finds the connection free. */
  function leave(lane: Lane, client: PoolClient | undefined): void {
    if (--lane.underWay > 0) return;
    lanes.delete(lane);
    // The pool looks whether it still works.
    client?.release();
  }

  return async (query) => {
    const lane = choose();
    if (!lane) return (await pool.query(query)).rows;
    lane.underWay++;
    let client: PoolClient | undefined;
    try {
      client = await lane.client;
      const { rows } = await client.query(query);
      lane.movedAt = performance.now();
      return rows;
    } catch (error) {
      // What the server does not say is said of the connection: nobody may join it.
      if (!('severity' in (error as object))) lanes.delete(lane);
      throw error;
    } finally {
      leave(lane, client);
    }
  };
}

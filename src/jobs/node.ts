import type { Database } from '../database/index.ts';
import { giveBackLeases, takeLeases } from './leases.ts';
import { enterNode, keepNode, lastHeard, removeNode, silentMs } from './nodes.ts';

/**
 * This process among those that work on the same facts. What it holds (leases here, uploads in content) is a row with
 * its number. Others may take it once this node was silent for too long, so whoever writes on the strength of it
 * compares that row in the same transaction: what a node writes that came back too late is refused there.
 */
export interface Node extends AsyncDisposable {
  /** Its number. Another one after it was forgotten. */
  id(): number;
  /**
   * Asks for a lease from now on; the result says whether this node has it. `isWanted`: asked at each heartbeat; where it says no,
   * the lease is given back, and somebody else may take it.
   */
  lease(name: string, isWanted?: () => boolean): () => boolean;
  /** The leases that it has. */
  leases(): string[];
  /** Nodes that are alive, this one included, at the last heartbeat. */
  alive(): number;
  /** When another was last heard (ms, the database's clock); undefined where there is no such node. For comparing only. */
  lastHeard(id: number): Promise<number | undefined>;
  /**
   * Repeats until it succeeds, as long as this is a node: for giving back what would bear its number for nothing. While
   * the database is away, what comes after the first thousand is not remembered.
   */
  eventually(action: () => Promise<void>): void;
  /** Gives all leases back, and asks for none any more; it remains a node. */
  giveBack(): Promise<void>;
  /** Leaves: what it held is free at once. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface NodeOptions {
  /** For people: the machine and the process. */
  name: string;
  /** Told when heartbeats begin to fail. */
  failed(error: unknown): void;
  heartbeatMs?: number;
}

/**
 * What is remembered to be done eventually. It grows with each request that fails while the database is away, and most of
 * those have nothing to give back.
 */
const mostRemembered = 1000;

/** Joins the nodes of these facts. Only on PostgreSQL. */
export async function joinNodes(
  db: Database,
  { name, failed, heartbeatMs = silentMs / 5 }: NodeOptions,
): Promise<Node> {
  let id = await enterNode(db, name);
  let wanted: { name: string; isWanted(): boolean }[] = [];
  let held = new Set<string>();
  let alive = 1;
  let left = false;
  let failing = false;
  /** When the last heartbeat that was heard was sent. A process that stands still finds the time passed. */
  let heardAt = performance.now();
  let timer: Timer | undefined;
  /** One that is stuck, on a connection that broke, does not keep the next. */
  const beating = new Set<Promise<void>>();
  let entering: Promise<void> | undefined;

  /** Enters anew, under another number, after it was forgotten. */
  async function enterAgain(): Promise<void> {
    id = await enterNode(db, name);
  }

  async function beat(): Promise<void> {
    const sentAt = performance.now();
    const kept = id;
    const count = await keepNode(db, kept);
    if (left) return;
    if (count === undefined && id === kept) await (entering ??= enterAgain().finally(() => (entering = undefined)));
    const asked = wanted.filter((lease) => lease.isWanted()).map((lease) => lease.name);
    const has = await takeLeases(db, id, asked);
    // A slower one must not undo what a later one found.
    if (sentAt < heardAt) return;
    heardAt = sentAt;
    alive = count ?? alive;
    held = has;
    failing = false;
  }

  async function beatOnce(): Promise<void> {
    try {
      await beat();
    } catch (error) {
      if (!failing && !left) failed(error);
      failing = true;
    }
  }

  function schedule(): void {
    if (left) return;
    timer = setTimeout(() => {
      const beaten: Promise<void> = beatOnce().finally(() => beating.delete(beaten));
      beating.add(beaten);
      void Promise.race([beaten, Bun.sleep(heartbeatMs)]).then(schedule);
    }, heartbeatMs);
    timer.unref();
  }
  schedule();

  /** Waits for what is on its way, unless it is stuck. */
  const settled = () => Promise.race([Promise.all(beating), Bun.sleep(silentMs / 2)]);

  const remembered: (() => Promise<void>)[] = [];
  let insisting = false;

  /** One after the other: a database that comes back is not met by all at once. */
  async function insist(): Promise<void> {
    if (insisting) return;
    insisting = true;
    for (let action = remembered.shift(); action && !left; action = remembered.shift()) {
      try {
        await action();
      } catch {
        remembered.push(action);
        // The database is away, which heartbeats tell.
        await Bun.sleep(heartbeatMs);
      }
    }
    insisting = false;
  }

  return {
    id: () => id,
    lease(lease, isWanted = () => true) {
      wanted.push({ name: lease, isWanted });
      return () => !left && held.has(lease) && performance.now() - heardAt < silentMs;
    },
    leases: () => [...held],
    alive: () => alive,
    lastHeard: (other) => lastHeard(db, other),
    eventually(action) {
      if (remembered.length < mostRemembered) remembered.push(action);
      void insist();
    },
    async giveBack() {
      wanted = [];
      await settled();
      held.clear();
      await giveBackLeases(db, id);
    },
    async [Symbol.asyncDispose]() {
      left = true;
      clearTimeout(timer);
      await settled();
      await removeNode(db, id).catch(failed);
    },
  };
}

import type { Database } from '../database/index.ts';
import './tables.ts';

/*
 * Which nodes are there. Times are the database's alone: clocks of nodes may differ, and a node that stood still does
 * not know it. Nothing here is held by a session, so that poolers which give each transaction another connection do no
 * harm. A heartbeat need not be durable: after a power cut the next one comes within a second.
 */

/** A node that was silent for longer has lost what it held (ms). */
export const silentMs = 5000;

/** A node that was silent for longer is forgotten with the next start of another, number and all (ms). */
const forgottenMs = 600_000;

/** SQL: the time (ms). */
export const databaseTime = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** A heartbeat from the future is none: the clock of the database was set back. */
const isHeard = (seenAt: string) => `${seenAt} BETWEEN ${databaseTime} - ${silentMs} AND ${databaseTime} + ${silentMs}`;

/** SQL: whether the node whose number is in `column` has not been silent for too long. */
export const isAlive = (column: string) =>
  `EXISTS (SELECT 1 FROM nodes WHERE nodes.id = ${column} AND ${isHeard('nodes.seen_at')})`;

/** Enters a node, and forgets those that were silent for long. Returns its number. */
export async function enterNode(db: Database, name: string): Promise<number> {
  await db.change(
    `DELETE FROM nodes WHERE NOT seen_at BETWEEN ${databaseTime} - ${forgottenMs} AND ${databaseTime} + ${forgottenMs} RETURNING id`,
    [],
  );
  const rows = await db.change<{ id: number }>(
    `INSERT INTO nodes (name, started_at, seen_at) VALUES (?, ${databaseTime}, ${databaseTime}) RETURNING id`,
    [name],
  );
  return rows[0]!.id;
}

/** The heartbeat. Resolves with the number of nodes that are alive, this one included; undefined when it was forgotten. */
export async function keepNode(db: Database, id: number): Promise<number | undefined> {
  const others = `(SELECT count(*) FROM nodes AS o WHERE o.id <> nodes.id AND ${isHeard('o.seen_at')})`;
  const rows = await db.change<{ others: number }>(
    `UPDATE nodes SET seen_at = ${databaseTime} WHERE id = ? RETURNING ${others} AS others`,
    [id],
    { durable: false },
  );
  return rows[0] && rows[0].others + 1;
}

/** Takes a node out: whatever it held is free at once. */
export async function removeNode(db: Database, id: number): Promise<void> {
  await db.change('DELETE FROM nodes WHERE id = ? RETURNING id', [id], { durable: false });
}

/** When a node was last heard (ms, the database's clock); undefined where there is none. Only for comparing. */
export async function lastHeard(db: Database, id: number): Promise<number | undefined> {
  return (await db.first<{ seen_at: number }>('SELECT seen_at FROM nodes WHERE id = ?', [id]))?.seen_at;
}

export interface NodeState {
  id: number;
  name: string;
  /** Time since it started, and since it was last heard (ms). */
  ageMs: number;
  silentMs: number;
  alive: boolean;
  /** Names of the leases that it has, sorted. */
  leases: string[];
}

/** All nodes that are known, by number. */
export async function listNodes(db: Database): Promise<NodeState[]> {
  const rows = await db.all<{ id: number; name: string; age: number; silent: number; alive: number }>(
    `SELECT id, name, ${databaseTime} - started_at AS age, ${databaseTime} - seen_at AS silent, ${isHeard('seen_at')} AS alive
      FROM nodes ORDER BY id LIMIT 1000`,
    [],
  );
  const held = await db.all<{ name: string; holder: number }>('SELECT name, holder FROM leases ORDER BY name', []);
  return rows.map(({ id, name, age, silent, alive }) => ({
    id,
    name,
    ageMs: age,
    silentMs: silent,
    alive: alive === 1,
    leases: held.filter(({ holder }) => holder === id).map((lease) => lease.name),
  }));
}

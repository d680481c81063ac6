import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { keyOf, type Level, lookAt } from './storage-levels.ts';

/*
 * How a limit is exact although pushes do not wait for each other.
 *
 * SQLite has one writer: what a transaction reads is the truth. On PostgreSQL others may be adding at the same time, and
 * what they add is not seen yet. So each push takes a lock of the limit, until its transaction ends:
 *
 *   far from the limit    shared      any number at a time
 *   near it               exclusive   one at a time, after all others have ended: it sees all that was added
 *
 * Far is where a tenth of the limit is left, and where what a push adds is no more than a part of that tenth, one for each
 * connection that PostgreSQL lets in: all that can be under way at the same time fit into it together. With what is
 * committed they never exceed the limit, since each of them has seen that a tenth is left beside what was committed.
 *
 * Which it is shows only under the lock. A push that took the shared one, and finds that it is near, begins anew, as after a
 * failed serialisation, and remembers. The locks come before those of rows, so that nobody who has one of them waits for
 * somebody who waits for it.
 */

/** The part of a limit in which pushes take turns. */
const nearPart = 0.1;

/** A limit that is nearly reached, and what it had counted before. */
export interface Scarce {
  level: Level;
  before: number;
}

/** Takes the locks of limits; resolves with those that must be looked at again once `bytes` are added. */
export async function lockSpace(
  catalog: Catalog,
  tx: Transaction,
  levels: readonly Level[],
  bytes: number,
): Promise<Scarce[]> {
  if (catalog.db.dialect === 'sqlite') {
    const used = await lookAt(catalog, tx, levels);
    return levels.map((level, at) => ({ level, before: used[at]! }));
  }
  const limiter = catalog.storageLimiter!;
  const asked = levels.map((level) => {
    const before = limiter.seen.get(keyOf(level))?.used ?? 0;
    const alone = isNear(level.limit, before) || isLarge(level.limit, bytes, limiter.connections);
    tx.send(`SELECT pg_advisory_xact_lock${alone ? '' : '_shared'}(?, ?)`, [level.registryId | 0, hashOf(level)]);
    return { level, alone };
  });
  const [settings, used] = await Promise.all([
    limiter.connections ?? tx.first<{ most: number }>(connections, []),
    // Before anything is changed.
    lookAt(catalog, tx, levels),
  ]);
  const most = typeof settings === 'number' ? settings : settings!.most;
  limiter.connections = most;
  return asked.flatMap(({ level, alone }, at) => {
    const before = used[at]!;
    if (!isNear(level.limit, before) && !isLarge(level.limit, bytes, most)) return [];
    if (!alone) throw new BeginsAnew();
    return [{ level, before }];
  });
}

const connections = `SELECT current_setting('max_connections')::int AS most`;

const partOf = (limit: number): number => Math.floor(limit * nearPart);

/** Whether less than that part of a limit is left. */
export function isNear(limit: number, used: number): boolean {
  return used > limit - partOf(limit);
}

/** Whether as much from each connection would be more than that part. Where it is not known how many there are, it shows later. */
export function isLarge(limit: number, bytes: number, most = 1): boolean {
  return bytes * most > partOf(limit);
}

/** Has the database repeat a transaction (Database.write): by its code it is a failure to serialise. */
class BeginsAnew extends Error {
  readonly code = '40001';
  constructor() {
    super('a storage limit is nearly reached; the push begins anew, and has its turn');
  }
}

/** Locks are named by two integers of 32 bits. Two limits with one name only wait for each other. */
const hashOf = (level: Level): number => (level.level === 'registry' ? 0 : Bun.hash.crc32(level.name) | 0);

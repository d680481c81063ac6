import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { keyOf, type Level, remember, usedAt } from './storage-levels.ts';
import type { LimitLevel } from './storage-limiter.ts';

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
    const used = await usedAt(catalog, tx, levels);
    expectUse(catalog, levels, used, bytes);
    return levels.map((level, at) => ({ level, before: used[at]! }));
  }
  const limiter = catalog.storageLimiter!;
  const asked = levels.map((level) => {
    const before = limiter.seen.get(keyOf(level))?.used ?? 0;
    return { level, alone: isNear(level.limit, before) || isLarge(level.limit, bytes, limiter.connections) };
  });
  const how = (wanted: LimitLevel) => {
    const one = asked.find(({ level }) => level.level === wanted);
    return one === undefined ? 0 : one.alone ? 2 : 1;
  };
  const { registryId, name } = levels[0]!;
  const claimed = (await tx.first<Record<LimitLevel | 'connections', number>>(
    'SELECT registry, repository, connections FROM storage_claim(?, ?, ?, ?, ?, ?)',
    [registryId, name, registryId | 0, placeOf(name), how('registry'), how('repository')],
  ))!;
  const used = levels.map(({ level }) => claimed[level]);
  expectUse(catalog, levels, used, bytes);
  limiter.connections = claimed.connections;
  return asked.flatMap(({ level, alone }, at) => {
    const before = used[at]!;
    if (!isNear(level.limit, before) && !isLarge(level.limit, bytes, claimed.connections)) return [];
    if (!alone) throw new BeginsAnew();
    return [{ level, before }];
  });
}

/** Remembers what will be in use at most when `bytes` are added. */
function expectUse(catalog: Catalog, levels: readonly Level[], used: readonly number[], bytes: number): void {
  remember(
    catalog,
    levels,
    used.map((before) => before + bytes),
  );
}

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

/** Locks are named by two integers of 32 bits. Two repositories with one of these only wait for each other; none has 0. */
const placeOf = (name: string): number => Bun.hash.crc32(name) | 1;

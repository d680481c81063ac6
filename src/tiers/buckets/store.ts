import type { Database, Transaction } from '../../database/index.ts';
import { databaseTime } from '../../jobs/index.ts';
import { type BucketShape, type BucketState, exchangeSlice, fullBucket, type Given, type Offer } from './exchange.ts';
import '../tables.ts';

/** Which bucket. */
export interface BucketKey {
  registryId: number;
  name: string;
  /** Empty for the registry as a whole. */
  subject: string;
}

export interface Ask extends BucketKey, Offer {
  shape: BucketShape;
}

/** A bucket is full again, and slices have lapsed, after this time (ms). */
const forgottenMs = 120_000;
const rounding = 600_000;

/**
 * Exchanges slices of several buckets in one transaction, in one order for all processes. A power cut that takes it back
 * does no more than fill the buckets. `now` (ms) counts on SQLite, whose processes share a clock; nodes go by that of the
 * database.
 */
export function exchangeAll(
  db: Database,
  holder: string,
  asks: readonly Ask[],
  now: () => number,
): Promise<Map<Ask, Given>> {
  const ordered = asks.toSorted(byKey);
  return db.write(
    async (tx) => {
      const time = db.dialect === 'postgres' ? undefined : Math.floor(now());
      const rows = await Promise.all(ordered.map((ask) => findBucket(tx, ask, time)));
      const given = new Map<Ask, Given>();
      for (const [index, ask] of ordered.entries()) {
        const row = rows[index] ?? (await makeBucket(tx, ask, time));
        const before = JSON.parse(row.state) as BucketState;
        const outcome = exchangeSlice(before, ask.shape, { ...ask, holder, now: row.now });
        given.set(ask, outcome.given);
        tx.send('UPDATE rate_buckets SET state = ?, forget_at = ? WHERE registry_id = ? AND name = ? AND subject = ?', [
          JSON.stringify(outcome.state),
          forgetAt(row.now),
          ...keyOf(ask),
        ]);
      }
      return given;
    },
    { durable: false },
  );
}

/** Buckets that are forgotten at once. */
const mostForgotten = 100;

/** Forgets buckets that are full again, by the clock that they go by. Resolves with whether there may be more. */
export function forgetBuckets(db: Database, read: () => number): Promise<boolean> {
  return db.write(
    async (tx) => {
      const now =
        db.dialect === 'postgres'
          ? (await tx.first<{ now: number }>(`SELECT ${databaseTime} AS now`, []))!.now
          : read();
      const rows = await tx.all<{ registry_id: number; name: string; subject: string }>(
        'SELECT registry_id, name, subject FROM rate_buckets WHERE forget_at < ? ORDER BY forget_at LIMIT ?',
        [now, mostForgotten],
      );
      for (const { registry_id: registryId, name, subject } of rows) {
        // Somebody may draw from it again meanwhile.
        tx.send('DELETE FROM rate_buckets WHERE registry_id = ? AND name = ? AND subject = ? AND forget_at < ?', [
          registryId,
          name,
          subject,
          now,
        ]);
      }
      return rows.length === mostForgotten;
    },
    { durable: false },
  );
}

interface Row {
  state: string;
  now: number;
}

/** `time` (ms): undefined for that of the database. */
function findBucket(tx: Transaction, key: BucketKey, time: number | undefined): Promise<Row | undefined> {
  const where = 'FROM rate_buckets WHERE registry_id = ? AND name = ? AND subject = ? FOR UPDATE';
  if (time === undefined) return tx.first<Row>(`SELECT state, ${databaseTime} AS now ${where}`, keyOf(key));
  return tx.first<Row>(`SELECT state, ? AS now ${where}`, [time, ...keyOf(key)]);
}

/** Two processes may be the first at once: the second waits for the other's row. */
async function makeBucket(tx: Transaction, ask: Ask, time: number | undefined): Promise<Row> {
  // Full since whenever.
  const state = JSON.stringify(fullBucket(ask.shape, 0));
  tx.send(
    `INSERT INTO rate_buckets (registry_id, name, subject, state, forget_at) VALUES (?, ?, ?, ?, 0)
      ON CONFLICT (registry_id, name, subject) DO NOTHING`,
    [...keyOf(ask), state],
  );
  return (await findBucket(tx, ask, time))!;
}

const keyOf = ({ registryId, name, subject }: BucketKey) => [registryId, name, subject];

const forgetAt = (now: number) => (Math.floor((now + forgottenMs) / rounding) + 1) * rounding;

function byKey(one: BucketKey, other: BucketKey): number {
  if (one.registryId !== other.registryId) return one.registryId - other.registryId;
  const [a, b] = [`${one.name} ${one.subject}`, `${other.name} ${other.subject}`];
  return a < b ? -1 : a > b ? 1 : 0;
}

import type { Kysely, SelectQueryBuilder } from 'kysely';
import type { Tables } from './tables.ts';

export type Dialect = 'sqlite' | 'postgres';

export type Parameter = string | number | Uint8Array | null;

/**
 * Statements that are prepared once and kept by their text, for the hot path. One text for both dialects: parameters are
 * written `?`, and a closing `FOR UPDATE` or `FOR SHARE` locks rows where there can be more than one writer.
 */
export interface LookUps {
  /** The first row. */
  first<T>(sql: string, parameters: readonly Parameter[]): Promise<T | undefined>;
  all<T>(sql: string, parameters: readonly Parameter[]): Promise<T[]>;
}

export interface Statements extends LookUps {
  /** Resolves with the number of rows that it changed. */
  run(sql: string, parameters: readonly Parameter[]): Promise<number>;
  /** A statement whose outcome nobody asks for, so that nobody waits for it. When it fails, the transaction does. */
  send(sql: string, parameters: readonly Parameter[]): void;
}

/**
 * A transaction: prepared statements, and Kysely for those that are put together. Nothing but its own statements may be
 * awaited in it. Statements run in the order in which they are called; on PostgreSQL those that are called before an
 * earlier one is awaited share a round trip.
 */
export type Transaction = Kysely<Tables> & Statements;

export interface Migration {
  /** Applied in the order of their names, each once, all in one transaction. Never changed after a release. */
  name: string;
  up(db: Transaction, dialect: Dialect): Promise<void>;
  /**
   * What locks readers of `tables` out on PostgreSQL, such as to drop an index: comes after `up` of all, so that no pull
   * waits while an index is built.
   */
  exclusive?: { tables: readonly string[]; up(db: Transaction, dialect: Dialect): Promise<void> };
}

export interface WriteOptions {
  /**
   * False: resolves once it is committed, without waiting for the disk. For facts whose loss in a power cut costs
   * nothing. They become durable with the next durable write, never later; no event is appended in such a write.
   */
  durable?: boolean;
}

/** The facts. Two implementations behind one schema: SQLite in the process, PostgreSQL beside it. */
export interface Database extends LookUps {
  readonly dialect: Dialect;
  /** For queries outside a transaction; sees what is committed. */
  readonly read: Kysely<Tables>;
  /**
   * Runs `action` in a transaction and resolves once its result would survive a power cut. It may run more than once
   * (after a serialisation failure or a deadlock, or when another write of the same commit failed), so it must have no
   * effect outside the transaction. A statement that failed ends the transaction, also when its error is caught.
   * Nothing but statements of the transaction may be awaited: a write that does otherwise is undone and rejected on
   * SQLite, where it would hold up every other one. Therefore a write must not call `write`.
   */
  write<T>(action: (tx: Transaction) => Promise<T>, options?: WriteOptions): Promise<T>;
  /**
   * Runs one statement that writes, in a transaction of its own, and resolves with its rows as `write` does. It has a
   * RETURNING clause. On PostgreSQL this is one round trip, where `write` takes at least three.
   */
  change<T>(sql: string, parameters: readonly Parameter[], options?: WriteOptions): Promise<T[]>;
  /**
   * Resolves when all that reads see now would survive a power cut. On SQLite a commit is seen a moment before it is
   * synced: whoever tells another system of it waits for this first.
   */
  settle(): Promise<void>;
  /**
   * What reads see now: the same object for as long as nothing is committed, so that two look-ups under one find the same.
   * Undefined where other processes may commit, too. Is asked for before the look-up that it is kept with.
   */
  snapshot(): object | undefined;
  /** Locks the selected rows until the transaction ends; SQLite has one writer and needs no lock. */
  forUpdate<T extends keyof Tables, O>(query: SelectQueryBuilder<Tables, T, O>): SelectQueryBuilder<Tables, T, O>;
  /** Like `forUpdate`, but admits other readers that lock the same way. */
  forShare<T extends keyof Tables, O>(query: SelectQueryBuilder<Tables, T, O>): SelectQueryBuilder<Tables, T, O>;
  /** Resolves when the database answers and takes writes; for the readiness probe. */
  ping(): Promise<void>;
  /** Waits for the writes under way, then closes. Later writes are rejected. */
  close(): Promise<void>;
}

import type { Kysely, SelectQueryBuilder } from 'kysely';
import type { Dialect } from './dialect.ts';
import type { Tables } from './tables.ts';

/** A transaction: Kysely whose statements run inside it. Nothing but its own statements may be awaited in it. */
export type Transaction = Kysely<Tables>;

export type Parameter = string | number | Uint8Array | null;

export interface Migration {
  /** Applied in the order of their names, each once, each in a transaction. Never changed after a release. */
  name: string;
  up(db: Transaction, dialect: Dialect): Promise<void>;
}

/** The facts. Two implementations behind one schema: SQLite in the process, PostgreSQL beside it. */
export interface Database {
  readonly dialect: Dialect;
  /** For queries outside a transaction; sees what is committed. */
  readonly read: Kysely<Tables>;
  /** The first row of a prepared look-up, for the hot path. Parameters are written `?` in both dialects. */
  first<T>(sql: string, parameters: readonly Parameter[]): Promise<T | undefined>;
  /** All rows of a prepared look-up. */
  all<T>(sql: string, parameters: readonly Parameter[]): Promise<T[]>;
  /**
   * Runs `action` in a transaction and resolves once its result would survive a power cut. It may run more than once
   * (PostgreSQL repeats after a serialisation failure or deadlock), so it must have no effect outside the transaction.
   */
  write<T>(action: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Locks the selected rows until the transaction ends; SQLite has one writer and needs no lock. */
  forUpdate<T extends keyof Tables, O>(query: SelectQueryBuilder<Tables, T, O>): SelectQueryBuilder<Tables, T, O>;
  /** Like `forUpdate`, but admits other readers that lock the same way. */
  forShare<T extends keyof Tables, O>(query: SelectQueryBuilder<Tables, T, O>): SelectQueryBuilder<Tables, T, O>;
  /** Resolves when the database answers; for the readiness probe. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

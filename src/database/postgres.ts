import { Socket } from 'node:net';
import { Kysely, sql } from 'kysely';
import type { Pool } from 'pg';
import type { Database, Migration, Parameter, WriteOptions } from './database.ts';
import { inTransaction, parseInteger } from './dialect.ts';
import { createLookUps } from './look-ups.ts';
import { migrate } from './migrate.ts';
import { createPrepare, giveUp, postgresDialect } from './postgres-dialect.ts';
import type { Tables } from './tables.ts';

export interface PostgresOptions {
  kind: 'postgres';
  /** `postgres://user@host:port/database?...`; a password belongs in the environment or a password file. */
  url: string;
  migrations: readonly Migration[];
  /** Most connections of this process. */
  poolSize: number;
  /** Off for poolers that give each transaction another connection. */
  preparedStatements: boolean;
  /** A statement that runs longer is cancelled (ms). */
  statementTimeoutMs: number;
  /** How long to wait for a connection, a new one or one of the pool (ms). Default 10 s. */
  connectTimeoutMs?: number | undefined;
}

/** Serialization failure and deadlock: the transaction may be repeated (PostgreSQL, Appendix A, class 40). */
const repeatable = new Set(['40001', '40P01']);
const maxAttempts = 6;
/** Somebody holds a table that a migration needs for itself. */
const lockNotAvailable = '55P03';
/** For how long a start tries to have it, and the pause in which others use it (ms). */
const tablesWithinMs = 600_000;
const betweenMs = 2000;
/** The server cancels a statement that takes too long; a server that has vanished does not, so then we do (ms). */
const vanishedMs = 5000;
const idleMs = 300_000;

/**
 * Every statement of ours finds its rows by an index and reads few. A planner that has no statistics yet, or those of a
 * table that was small, thinks otherwise, and keeps such a plan for a statement that is prepared; and it would compile
 * one that it believes to be long.
 */
const planner = [
  ...['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'jit'].map((name) => `SET ${name} = off`),
  'SET max_parallel_workers_per_gather = 0',
].join('; ');

/** PostgreSQL at READ COMMITTED, so whoever checks and then writes locks the row that it checked. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { default: pg } = await import('pg');
  const { BOOL, INT8, NUMERIC } = pg.types.builtins;
  // A sum of int8 is NUMERIC, though no column is; and the result of a comparison is BOOL.
  const ours = new Map<number, (text: string) => unknown>([
    [INT8, parseInteger],
    [NUMERIC, parseInteger],
    [BOOL, (text) => (text === 't' ? 1 : 0)],
  ]);
  const getTypeParser = ((oid: number, format: 'text' = 'text') =>
    ours.get(oid) ?? pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser;
  let socket: Socket | undefined;
  const connection = {
    connectionString: options.url,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    application_name: 'bonded',
    pipeline: true,
    types: { getTypeParser },
  };
  // A connection of its own: a migration may take longer than any statement of a request, and nobody may give it up.
  const preparing = new pg.Pool({ ...connection, max: 1, stream: () => (socket = new Socket()) });
  await prepareDatabase(listening(preparing), options.migrations).catch((error: unknown) => {
    // pg leaves the connection open on which it could not log in, and the process would wait for its end.
    socket?.destroy();
    throw error;
  });

  const pool = listening(
    new pg.Pool({
      ...connection,
      max: options.poolSize,
      idleTimeoutMillis: idleMs,
      statement_timeout: options.statementTimeoutMs,
      query_timeout: options.statementTimeoutMs + vanishedMs,
      // A process that hangs must not keep its locks, nor hold back the events of all others.
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
    }),
  );
  // Whoever uses the connection sends behind it; one that fails here fails there, too.
  pool.on('connect', (client) => void client.query(planner).catch(() => {}));
  const prepare = createPrepare(options.preparedStatements);
  const kysely = new Kysely<Tables>({ dialect: postgresDialect(pool, prepare) });
  const lookUp = createLookUps(pool, options.poolSize);
  const read = async <T>(text: string, values: readonly Parameter[]): Promise<T[]> =>
    (await lookUp({ ...prepare(text), values: values as Parameter[] }).catch(giveUp)) as T[];
  const query = async <T>(text: string, values: readonly Parameter[]): Promise<T[]> =>
    (await pool.query({ ...prepare(text), values: values as Parameter[] }).catch(giveUp)).rows as T[];

  return {
    dialect: 'postgres',
    read: kysely,
    first: async <T>(text: string, parameters: readonly Parameter[]) => (await read<T>(text, parameters))[0],
    all: read,
    write: (action, { durable = true } = {}) =>
      repeating(() =>
        inTransaction(kysely, (tx) => {
          if (!durable) tx.send('SET LOCAL synchronous_commit = off', []);
          return action(tx);
        }),
      ),
    change: <T>(text: string, parameters: readonly Parameter[], { durable = true }: WriteOptions = {}) =>
      repeating(() => query<T>(durable ? text : unsynced(text), parameters)),
    // A commit is seen by others only after its log was synced; and events are never part of one that is not.
    settle: async () => {},
    snapshot: () => undefined,
    forUpdate: (selection) => selection.forUpdate(),
    forShare: (selection) => selection.forShare(),
    ping: async () => void (await query('SELECT 1', [])),
    // Not through Kysely, which ends no pool that it has not used yet.
    close: () => pool.end(),
  };
}

/** Checks the server and applies missing migrations, then ends the pool. */
async function prepareDatabase(pool: Pool, migrations: readonly Migration[]): Promise<void> {
  const kysely = new Kysely<Tables>({ dialect: postgresDialect(pool, createPrepare(false)) });
  try {
    await requireDurability(kysely);
    await unlessLocked(() => inTransaction(kysely, (tx) => migrate(tx, 'postgres', migrations)));
  } finally {
    await pool.end();
  }
}

/** Repeats a migration that could not have its tables until it can. */
async function unlessLocked(migrating: () => Promise<void>): Promise<void> {
  for (const until = performance.now() + tablesWithinMs; ; await Bun.sleep(betweenMs)) {
    try {
      return await migrating();
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (code !== lockNotAvailable && !repeatable.has(code)) throw error;
      if (performance.now() < until) continue;
      throw new Error(
        'the tables cannot be migrated: other sessions use them without end, such as a dump; pg_stat_activity has them',
        { cause: error },
      );
    }
  }
}

/**
 * A connection that breaks is replaced by the next query, and a query on it fails by itself. Without a listener, either
 * would end the process: the pool listens while a connection is idle, nobody does while it is in use.
 */
function listening(pool: Pool): Pool {
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** An answered push must survive a power cut. Where the server is set to answer first, nothing that we do helps. */
async function requireDurability(kysely: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ value: string }>`SELECT current_setting('synchronous_commit') AS value`.execute(kysely);
  if (rows[0]?.value === 'off') {
    throw new Error('PostgreSQL answers before a commit is on disk (synchronous_commit is off); set it to on');
  }
}

/** A statement that nobody awaited may have failed before the one that tells. */
function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code;
}

async function repeating<T>(transaction: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === maxAttempts || !repeatable.has(codeOf(error) ?? '')) throw error;
      await Bun.sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}

/** The same statement, which sets for its own transaction that nobody waits for the disk. */
function unsynced(text: string): string {
  return `WITH setting AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), changed AS (${text})
    SELECT changed.* FROM changed, setting`;
}

import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely';
import type { Pool, PoolClient, QueryResult } from 'pg';
import type { Parameter, Statements } from './database.ts';
import { numberParameters } from './dialect.ts';

/** Text and name of a statement, by its text with `?` or `$1`. */
export type Prepare = (sql: string) => { text: string; name?: string };

/** Most names, on each connection of a process: a text with a list of values has a form for each length. */
const maxNames = 512;

export function createPrepare(named: boolean): Prepare {
  const known = new Map<string, { text: string; name?: string }>();
  return (sql) => {
    let statement = known.get(sql);
    if (!statement) {
      statement = { text: numberParameters(sql) };
      if (known.size < maxNames) {
        if (named) statement.name = `s${known.size}`;
        known.set(sql, statement);
      }
    }
    return statement;
  };
}

/** Statements of one transaction, or of one look-up. They are sent at once and answered in order. */
interface Connection extends DatabaseConnection, Statements {
  begin(): void;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  release(): void;
}

/** Kysely on a pool whose clients do not wait for an answer before they send the next statement. */
export function postgresDialect(pool: Pool, prepare: Prepare): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (kysely) => new PostgresIntrospector(kysely),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connect(await pool.connect().catch(giveUp), prepare),
      releaseConnection: async (connection) => (connection as Connection).release(),
      beginTransaction: async (connection) => (connection as Connection).begin(),
      commitTransaction: (connection) => (connection as Connection).commit(),
      rollbackTransaction: (connection) => (connection as Connection).rollback(),
      // Whoever made the pool ends it.
      destroy: async () => {},
    }),
  };
}

/**
 * Throws what the driver threw. A wait that it gave up, for an answer or for one of our own connections, and a connection
 * that ended have no code there; like those of the system, they are no fault of the request.
 */
export function giveUp(error: unknown): never {
  if (error instanceof Error && !('code' in error) && /timeout|terminated|not queryable/i.test(error.message)) {
    Object.assign(error, { code: 'ETIMEDOUT' });
  }
  throw error;
}

function connect(client: PoolClient, prepare: Prepare): Connection {
  /** What nobody awaits, and whether it came to its end. */
  const sent: Promise<unknown>[] = [];
  /** The first failure: the server refuses all statements after it. */
  let failure: unknown;
  /** No longer heard, or its last answer is still to come: nobody may use the connection after us. */
  let broken = false;
  let ended = false;

  function query(sql: string, parameters: readonly unknown[]): Promise<QueryResult> {
    if (ended) throw new Error('the transaction of this statement has ended; was an await forgotten?');
    return answer(client.query({ ...prepare(sql), values: parameters as unknown[] }));
  }

  async function answer(result: Promise<QueryResult>): Promise<QueryResult> {
    try {
      return await result;
    } catch (error) {
      // What the server says has an SQLSTATE; anything else says that we no longer hear it.
      broken ||= (error as { code?: string }).code?.length !== 5;
      failure ??= error;
      if (failure === error) return giveUp(error);
      // oxlint-disable-next-line preserve-caught-error -- the first failure is the cause; this one only follows from it
      throw new Error('the transaction is aborted: an earlier statement failed', { cause: failure });
    }
  }

  function later(result: Promise<unknown>): void {
    // The commit tells.
    result.catch(() => {});
    sent.push(result);
  }

  return {
    first: async <T>(sql: string, parameters: readonly Parameter[]) =>
      (await query(sql, parameters)).rows[0] as T | undefined,
    all: async <T>(sql: string, parameters: readonly Parameter[]) => (await query(sql, parameters)).rows as T[],
    run: async (sql, parameters) => (await query(sql, parameters)).rowCount ?? 0,
    send: (sql, parameters) => later(query(sql, parameters)),
    async executeQuery<R>({ sql, parameters }: CompiledQuery) {
      const { rows, rowCount } = await query(sql, parameters);
      return { rows: rows as R[], numAffectedRows: BigInt(rowCount ?? 0) };
    },
    async *streamQuery() {
      throw new Error('streaming is not supported: read in pages');
    },
    begin: () => later(answer(client.query('BEGIN ISOLATION LEVEL READ COMMITTED'))),
    async commit() {
      ended = true;
      const { command } = await answer(client.query('COMMIT'));
      await Promise.all(sent);
      // What PostgreSQL makes of a commit after a statement that failed.
      if (command === 'ROLLBACK') throw failure ?? new Error('PostgreSQL undid the transaction');
    },
    async rollback() {
      if (ended) return;
      ended = true;
      await answer(client.query('ROLLBACK')).catch(() => {});
    },
    release: () => client.release(broken),
  };
}

import type { Database as Sqlite, Statement } from 'bun:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { LRUCache } from 'lru-cache';
import type { Parameter, Statements } from './database.ts';
import { checkIntegers, checkRow } from './dialect.ts';

type Prepared = Statement<Record<string, unknown>, Parameter[]>;

export interface StatementCache {
  prepare(sql: string): Prepared;
  /** Finalizes all of them: a connection with open statements is not really closed. */
  clear(): void;
}

/**
 * Prepared statements by their text. Bounded: a statement with a list of values has a text for each length.
 *
 * Parameters are written `+?`. SQLite's planner looks at the values of bare ones, in joins above all, and then prepares
 * the statement anew each time that other values are bound: a look-up over three tables took 17 µs instead of 2. Our
 * statements hold no question mark but parameters. Locks are left out: there is one writer.
 */
export function createStatementCache(db: Sqlite): StatementCache {
  const statements = new LRUCache<string, Prepared>({ max: 512, dispose: (statement) => statement.finalize() });
  return {
    prepare(sql) {
      let statement = statements.get(sql);
      if (!statement) {
        const text = sql.replaceAll('?', '+?').replaceAll(/ FOR (?:UPDATE|SHARE)(?=\)|$)/g, '');
        statement = db.prepare(text) as unknown as Prepared;
        statements.set(sql, statement);
      }
      return statement;
    },
    clear: () => statements.clear(),
  };
}

/** Statements of one write, or of one look-up. */
interface Connection extends DatabaseConnection, Statements {
  /** PostgreSQL refuses to go on after a statement that failed; so do we, or a fault would show there only. */
  failure?: unknown;
  ended: boolean;
}

/** Without Kysely's mutex, or an abandoned write would hold up the next: the write queue keeps them apart. */
class ManyConnections extends SqliteAdapter {
  override get supportsMultipleConnections() {
    return true;
  }
}

export interface SqliteDialect extends Dialect {
  /** Undoes the transaction that is running and refuses the rest of its statements. */
  abandon(): void;
}

/**
 * Kysely on one bun:sqlite connection. Statements run at once and never let the event loop turn. A transaction is a
 * savepoint inside the one that the write queue has begun.
 */
export function sqliteDialect(db: Sqlite, { prepare }: StatementCache): SqliteDialect {
  let running: Connection | undefined;

  function connect(): Connection {
    /** Runs at once; the promises of the callers are there for PostgreSQL. */
    function run<R>(sql: string, act: (statement: Prepared) => R): R {
      if (connection.ended) throw new Error('the transaction of this statement has ended; was an await forgotten?');
      if (connection.failure) {
        throw new Error('the transaction is aborted: an earlier statement failed', { cause: connection.failure });
      }
      try {
        return act(prepare(sql));
      } catch (error) {
        connection.failure = error;
        throw error;
      }
    }

    const connection: Connection = {
      ended: false,
      first: async <T>(sql: string, parameters: readonly Parameter[]) =>
        (run(sql, (statement) => checkRow(statement.get(...parameters))) ?? undefined) as T | undefined,
      all: async <T>(sql: string, parameters: readonly Parameter[]) =>
        run(sql, (statement) => checkIntegers(statement.all(...parameters))) as T[],
      run: async (sql, parameters) => run(sql, (statement) => statement.run(...parameters).changes),
      send(sql, parameters) {
        try {
          run(sql, (statement) => statement.run(...parameters));
        } catch (error) {
          // Otherwise the commit tells.
          if (connection.ended) throw error;
        }
      },
      executeQuery: async <R>({ sql, parameters }: CompiledQuery) =>
        run(sql, (statement) => {
          const values = parameters as Parameter[];
          if (statement.columnNames.length > 0) {
            const rows = checkIntegers(statement.all(...values));
            return { rows: rows as R[], numAffectedRows: BigInt(rows.length) };
          }
          return { rows: [], numAffectedRows: BigInt(statement.run(...values).changes) };
        }),
      async *streamQuery() {
        throw new Error('streaming is not supported: read in pages');
      },
    };
    return connection;
  }

  function undo(connection: Connection): void {
    if (connection.ended) return;
    connection.ended = true;
    // SQLite may have rolled everything back by itself.
    if (!db.inTransaction) return;
    prepare('ROLLBACK TO queued').run();
    prepare('RELEASE queued').run();
  }

  return {
    createAdapter: () => new ManyConnections(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connect(),
      releaseConnection: async () => {},
      async beginTransaction(connection) {
        if (!db.inTransaction) throw new Error('use Database.write for transactions');
        prepare('SAVEPOINT queued').run();
        running = connection as Connection;
      },
      async commitTransaction(connection) {
        const { ended, failure } = connection as Connection;
        if (ended) throw new Error('the transaction has ended');
        if (failure) throw failure;
        prepare('RELEASE queued').run();
        (connection as Connection).ended = true;
      },
      rollbackTransaction: async (connection) => undo(connection as Connection),
      destroy: async () => {},
    }),
    abandon: () => running && undo(running),
  };
}

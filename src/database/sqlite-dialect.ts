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

type Value = string | number | Uint8Array | null;
type Prepared = Statement<unknown, Value[]>;

/** Prepared statements by their text. Bounded: a statement with a list of values has a text for each length. */
export function statementCache(db: Sqlite): (sql: string) => Prepared {
  const statements = new LRUCache<string, Prepared>({ max: 512, dispose: (statement) => statement.finalize() });
  return (sql) => {
    let statement = statements.get(sql);
    if (!statement) {
      statement = db.prepare<unknown, Value[]>(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
}

/** Kysely on one bun:sqlite connection. Transactions are the write queue's, so the driver has none. */
export function sqliteDialect(db: Sqlite): Dialect {
  const prepare = statementCache(db);
  const connection: DatabaseConnection = {
    async executeQuery<R>({ sql, parameters }: CompiledQuery) {
      const statement = prepare(sql);
      const values = parameters as Value[];
      if (statement.columnNames.length > 0) {
        const rows = statement.all(...values) as R[];
        return { rows, numAffectedRows: BigInt(rows.length) };
      }
      const { changes } = statement.run(...values);
      return { rows: [], numAffectedRows: BigInt(changes) };
    },
    async *streamQuery() {
      throw new Error('streaming is not supported: read in pages');
    },
  };
  const refuse = async () => {
    throw new Error('use Database.write for transactions');
  };
  return {
    createAdapter: () => new SqliteAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
    createDriver: () => ({
      init: async () => {},
      acquireConnection: async () => connection,
      releaseConnection: async () => {},
      beginTransaction: refuse,
      commitTransaction: refuse,
      rollbackTransaction: refuse,
      destroy: async () => {},
    }),
  };
}

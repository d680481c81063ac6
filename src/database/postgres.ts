import { Kysely, PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import type { Database, Migration, Parameter } from './database.ts';
import { numberParameters, parseInt8 } from './dialect.ts';
import { migrate } from './migrate.ts';
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
}

/** Serialization failure and deadlock: the transaction may be repeated (PostgreSQL, Appendix A, class 40). */
const repeatable = new Set(['40001', '40P01']);
const maxAttempts = 6;

/** PostgreSQL at READ COMMITTED, so whoever checks and then writes locks the row that it checked. */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { default: pg } = await import('pg');
  const pool: Pool = new pg.Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: 10_000,
    statement_timeout: options.statementTimeoutMs,
    application_name: 'bonded',
    types: {
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === pg.types.builtins.INT8 && format !== 'binary'
          ? parseInt8
          : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
    },
  });
  // An idle connection that the server closes is replaced by the next query; it must not end the process.
  pool.on('error', () => {});
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  await kysely.transaction().execute((tx) => migrate(tx, 'postgres', options.migrations));

  const query = async <T>(text: string, parameters: readonly Parameter[]): Promise<T[]> => {
    const numbered = numberParameters(text);
    const name = options.preparedStatements ? statementName(numbered) : undefined;
    const values = parameters.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value));
    const { rows } = await pool.query({ text: numbered, values, ...(name && { name }) });
    return rows as T[];
  };

  return {
    dialect: 'postgres',
    read: kysely,
    first: async <T>(text: string, parameters: readonly Parameter[]) => (await query<T>(text, parameters))[0],
    all: query,
    async write(action) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await kysely.transaction().setIsolationLevel('read committed').execute(action);
        } catch (error) {
          if (attempt === maxAttempts || !repeatable.has((error as { code?: string }).code ?? '')) throw error;
          await Bun.sleep(Math.random() * 10 * 2 ** attempt);
        }
      }
    },
    forUpdate: (selection) => selection.forUpdate(),
    forShare: (selection) => selection.forShare(),
    ping: async () => void (await query('SELECT 1', [])),
    close: () => kysely.destroy(),
  };
}

const names = new Map<string, string>();

/** A short name for a prepared statement; the server keeps 63 bytes of it. */
function statementName(text: string): string {
  let name = names.get(text);
  if (!name) {
    name = `s${names.size}`;
    names.set(text, name);
  }
  return name;
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { findPostgres } from '../../test/support/postgres.ts';
import { type Sink, type TableName, tables, type Value } from './rows.ts';

/** Bytes that may wait for a table before the filling pauses. */
const highWater = 1 << 20;

/** Fills a database by COPY, a `psql` for each table; keys and indexes are made again at the end. */
export async function loadPostgres(url: string, fill: (sink: Sink) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const again = await dropIndexes(client);
    const copies = new Map(Object.keys(tables).map((table) => [table, startCopy(url, table as TableName)]));
    await fill({
      add: (table, values) => copies.get(table)!.add(values),
      ready: async () => {
        for (const copy of copies.values()) await copy.ready();
      },
    });
    for (const copy of copies.values()) await copy.end();
    await client.query(`SET maintenance_work_mem = '1GB'`);
    for (const statement of again) await client.query(statement);
    const sequence = `SELECT setval(pg_get_serial_sequence('repositories', 'id'), (SELECT max(id) FROM repositories))`;
    await client.query(sequence);
    await client.query('VACUUM (ANALYZE)');
  } finally {
    await client.end();
  }
}

/** Drops what an index stands behind; returns the statements that bring it back. */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const named = [Object.keys(tables)];
  const constraints = await client.query<{ table: string; name: string; definition: string }>(
    `SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name, pg_get_constraintdef(oid) AS definition
      FROM pg_constraint WHERE contype IN ('p', 'u') AND conrelid::regclass::text = ANY($1)`,
    named,
  );
  const again: string[] = [];
  for (const { table, name, definition } of constraints.rows) {
    await client.query(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`);
    again.push(`ALTER TABLE ${table} ADD CONSTRAINT ${name} ${definition}`);
  }
  const indexes = await client.query<{ indexname: string; indexdef: string }>(
    `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY($1)`,
    named,
  );
  for (const { indexname, indexdef } of indexes.rows) {
    await client.query(`DROP INDEX ${indexname}`);
    again.push(indexdef);
  }
  return again;
}

function startCopy(url: string, table: TableName) {
  const columns = tables[table].map((column) => `"${column}"`);
  const copy = `COPY ${table} (${columns}) FROM STDIN`;
  const beside = join(findPostgres() ?? '', 'psql');
  const child = Bun.spawn([existsSync(beside) ? beside : 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-c', copy, url], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let waiting: string[] = [];
  let length = 0;
  const ready = async () => {
    if (length < highWater) return;
    void child.stdin.write(waiting.join(''));
    waiting = [];
    length = 0;
    await child.stdin.flush();
  };
  return {
    add(values: readonly Value[]) {
      const line = `${values.map(textOf).join('\t')}\n`;
      waiting.push(line);
      length += line.length;
    },
    ready,
    async end() {
      length = highWater;
      await ready();
      await child.stdin.end();
      const complaint = await new Response(child.stderr).text();
      if ((await child.exited) !== 0) throw new Error(`COPY of ${table} failed: ${complaint}`);
    },
  };
}

/** PostgreSQL's text format for COPY. None of our texts has a tab or a line break; JSON may have a backslash. */
function textOf(value: Value): string {
  if (value === null) return '\\N';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.includes('\\') ? value.replaceAll('\\', '\\\\') : value;
  return `\\\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`;
}

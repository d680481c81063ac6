import { Database as Sqlite } from 'bun:sqlite';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type TestProcess, startTestProcess } from '../../test/support/server.ts';
import { loadPostgres } from './load-postgres.ts';
import { loadSqlite } from './load-sqlite.ts';
import { fillWorld, type Sink } from './rows.ts';
import type { World } from './world.ts';

/** A registry that holds a world. Its bytes are not there: nothing that is measured reads them. */
export interface Registry {
  name: 'small' | 'large';
  world: World;
  /** The data directory. */
  data: string;
  /** URL of its database; SQLite in the data directory otherwise. */
  url: string | undefined;
  /** Id of its one registry. */
  id: number;
  /** Seconds that the filling took. */
  seconds: number;
  /** MiB of facts on disk. */
  mib: number;
}

/** Makes a registry and fills it. On PostgreSQL it gets a database of its own in the cluster of `postgres`. */
export async function makeRegistry(
  name: Registry['name'],
  world: World,
  directory: string,
  postgres: string | undefined,
): Promise<Registry> {
  const data = join(directory, name);
  mkdirSync(data, { recursive: true });
  const url = postgres && (await createDatabase(postgres, `scale_${name}`));
  const registry = { name, world, data, url, id: 0, seconds: 0, mib: 0 };
  // The server makes the schema, its registry, and an empty store that these facts belong to.
  const first = await serve(registry);
  await first.end();
  registry.id = await idOf(registry);
  const began = performance.now();
  const fill = (sink: Sink) => fillWorld(world, registry.id, Date.now(), sink);
  if (url) await loadPostgres(url, fill);
  else await loadSqlite(join(data, 'bonded.db'), fill);
  registry.seconds = (performance.now() - began) / 1000;
  registry.mib = (await bytesOf(registry)) / 2 ** 20;
  return registry;
}

/** Starts its server. Nothing is collected or swept in the background while something is measured. */
export function serve({ data, url }: Pick<Registry, 'data' | 'url'>): Promise<TestProcess> {
  return startTestProcess({ data, database: url ?? '', settings: { 'gc.interval': '24h' } });
}

async function createDatabase(cluster: string, name: string): Promise<string> {
  await query(cluster, `CREATE DATABASE ${name}`);
  return Object.assign(new URL(cluster), { pathname: `/${name}` }).href;
}

async function idOf({ data, url }: Registry): Promise<number> {
  const text = 'SELECT id FROM registries';
  if (url) return Number((await query(url, text))[0]!['id']);
  const db = new Sqlite(join(data, 'bonded.db'), { readonly: true });
  try {
    return db.query<{ id: number }, []>(text).get()!.id;
  } finally {
    db.close();
  }
}

async function bytesOf({ data, url }: Registry): Promise<number> {
  if (url) return Number((await query(url, 'SELECT pg_database_size(current_database()) AS size'))[0]!['size']);
  const files = readdirSync(data).filter((file) => file.startsWith('bonded.db'));
  return files.reduce((sum, file) => sum + statSync(join(data, file)).size, 0);
}

/** Process id of the cluster's postmaster, the parent of all its backends. */
export async function postmasterOf(cluster: string): Promise<number> {
  const rows = await query(cluster, `SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1) AS pid`);
  return Number(rows[0]!['pid']);
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

import pg from 'pg';

/** Our place in the key space of advisory locks; the second key is the slot. */
const lockSpace = 0x626f6e64;

export interface ClaimedDatabase {
  url: string;
  /** Cuts off whoever is connected and gives the database back. */
  release(): Promise<void>;
}

const claimed = new Set<number>();

/**
 * An empty database of the cluster. Creating one takes PostgreSQL a fifth of a second, emptying one a few ms, so they
 * are numbered, kept, and claimed by an advisory lock, which a process that dies gives back.
 */
export async function claimDatabase(cluster: string): Promise<ClaimedDatabase> {
  for (let slot = 1; ; slot++) {
    // The lock does not exclude the session that holds it.
    if (claimed.has(slot)) continue;
    claimed.add(slot);
    try {
      const url = await claimSlot(cluster, slot);
      if (url) return { url, release: () => releaseSlot(cluster, slot) };
    } catch (error) {
      claimed.delete(slot);
      throw error;
    }
    claimed.delete(slot);
  }
}

const database = (slot: number) => `bonded_test_${slot}`;

/** Locks and empties a slot. Resolves with its URL, or undefined where another process holds it. */
async function claimSlot(cluster: string, slot: number): Promise<string | undefined> {
  const lock = await administer(cluster, 'SELECT pg_try_advisory_lock($1, $2) AS got', [lockSpace, slot]);
  if (!lock[0]?.['got']) return undefined;
  const url = new URL(cluster);
  url.pathname = `/${database(slot)}`;
  const known = await administer(cluster, 'SELECT 1 FROM pg_database WHERE datname = $1', [database(slot)]);
  if (known.length === 0) {
    await administer(cluster, `CREATE DATABASE ${database(slot)} TEMPLATE template0`);
    return url.href;
  }
  await disconnectAll(cluster, slot);
  const inside = new pg.Client({ connectionString: url.href });
  await inside.connect();
  try {
    await inside.query('SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  } finally {
    await inside.end();
  }
  return url.href;
}

async function releaseSlot(cluster: string, slot: number): Promise<void> {
  await disconnectAll(cluster, slot);
  await administer(cluster, 'SELECT pg_advisory_unlock($1, $2)', [lockSpace, slot]);
  claimed.delete(slot);
}

async function disconnectAll(cluster: string, slot: number): Promise<void> {
  const others = 'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1';
  await administer(cluster, others, [database(slot)]);
}

type Admin = pg.Client & { ref(): void; unref(): void };

let admin: Promise<Admin> | undefined;
let working = 0;
let last: Promise<unknown> = Promise.resolve();

/** Runs a statement in the one session that holds the locks. It lives as long as the process, but does not keep it alive. */
async function administer(
  cluster: string,
  statement: string,
  values: unknown[] = [],
): Promise<Record<string, unknown>[]> {
  admin ??= (async () => {
    const client = new pg.Client({ connectionString: cluster }) as Admin;
    // The cluster was stopped: the next claim connects again.
    client.on('error', () => (admin = undefined));
    await client.connect();
    return client;
  })();
  const client = await admin;
  working++;
  client.ref();
  // One after the other, as its client demands; a failure is that of one statement alone.
  const result = last.then(() => client.query(statement, values));
  last = result.catch(() => {});
  try {
    return (await result).rows;
  } finally {
    if (--working === 0) client.unref();
  }
}

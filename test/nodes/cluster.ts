import pg from 'pg';
import { claimDatabase } from '../support/postgres-databases.ts';
import { findPostgres, startPostgres, type TestPostgres } from '../support/postgres.ts';
import { listBucket, s3Environment } from '../support/s3.ts';
import { knownFront } from '../support/credentials.ts';
import { startTestProcess, type TestProcess } from '../support/server.ts';
import { s3Settings } from '../support/storage.ts';

type Settings = Record<string, string | number | boolean>;

/** One `bonded serve`, which may end and start again at the same address. */
export interface ClusterNode {
  readonly url: string;
  readonly host: string;
  readonly running: TestProcess;
  /** Ends it at once, without a word to anybody. */
  kill(): Promise<void>;
  /** Ends it as an operator does; resolves with its exit code. */
  drain(): Promise<number>;
  start(): Promise<void>;
}

/** Nodes over one PostgreSQL and one bucket. */
export interface Cluster extends AsyncDisposable {
  readonly nodes: readonly ClusterNode[];
  readonly postgres: TestPostgres;
  /** What a command needs to work on the same facts and bytes. */
  readonly settings: string[];
  readonly environment: Record<string, string>;
  /** Rows of the facts, past the code under test. */
  query<T>(statement: string): Promise<T[]>;
  /** Everything in the bucket. */
  objects(): Promise<string[]>;
}

/** Whether everything that a cluster needs is here; in CI it has to be. */
export const canCluster =
  (Bun.which('versitygw') !== null && findPostgres() !== undefined) || Boolean(process.env['CI']);

export async function startCluster({
  nodes: count = 2,
  settings = {},
  environment = {},
  endpoint,
}: {
  nodes?: number;
  settings?: Settings;
  /** Of every node, such as what must not be on a command line. */
  environment?: Record<string, string>;
  /** Of a proxy in front of the S3 server. */
  endpoint?: string;
} = {}): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const postgres = await startPostgres({ durable: false });
  stack.defer(() => postgres.stop());
  const database = await claimDatabase(postgres.url);
  const storage = await s3Settings(endpoint);
  const all: Settings = { 'log.level': 'info', ...storage, ...settings };
  const nodes = await Promise.all(
    Array.from({ length: count }, () =>
      startNode(stack, { settings: all, database: database.url, environment: { ...s3Environment, ...environment } }),
    ),
  );
  const owned = stack.move();
  return {
    nodes,
    postgres,
    settings: [
      '--database',
      database.url,
      ...Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    ],
    environment: { ...s3Environment, ...environment },
    async query<T>(statement: string) {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      try {
        return (await client.query(statement)).rows as T[];
      } finally {
        await client.end();
      }
    },
    objects: () => listBucket(String(storage['storage.s3.bucket'])),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function startNode(
  stack: AsyncDisposableStack,
  options: { settings: Settings; database: string; environment: Record<string, string> },
): Promise<ClusterNode> {
  let running = await startTestProcess(options);
  const { url, host } = running;
  stack.defer(() => running[Symbol.asyncDispose]());
  // It is itself also while it is away, and from the moment at which it is back.
  stack.use(knownFront(url, url));
  return {
    url,
    host,
    get running() {
      return running;
    },
    async kill() {
      await running.end('SIGKILL');
    },
    drain: () => running.end('SIGTERM'),
    async start() {
      await running[Symbol.asyncDispose]();
      running = await startTestProcess({ ...options, listen: host });
      if (running.url !== url) throw new Error(`the node came back at ${running.url} instead of ${url}`);
    },
  };
}

/** Random numbers that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

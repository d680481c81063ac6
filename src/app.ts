import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Catalog, catalogMigrations, collectStep, dropMissingBlob, ensureRegistry } from './catalog/index.ts';
import type { Configuration } from './configuration.ts';
import {
  type BlobStore,
  contentMigrations,
  createFileStore,
  createUploads,
  isStoreOf,
  sweepDeleted,
  type Uploads,
  verifyBlob,
} from './content/index.ts';
import { type Database, lockDirectory, openDatabase } from './database/index.ts';
import { distribute, type Gate } from './distribution/index.ts';
import { eventMigrations, trimEvents } from './events/index.ts';
import { createHostTable, type HttpServer, isLoopback, startServer } from './http/index.ts';
import { startPeriodic } from './jobs/index.ts';
import { createMetrics, type Log, type Metrics, watchLoopLag } from './telemetry/index.ts';

/** The name of the registry that answers where no other one is named. */
export const defaultRegistry = 'default';

const migrations = [...eventMigrations, ...contentMigrations, ...catalogMigrations];

/** How long events are kept at least (ms), also when every subscriber has passed them. */
const eventAgeMs = 7 * 86_400_000;

/** Facts without any front door. */
export interface Facts extends AsyncDisposable {
  db: Database;
  catalog: Catalog;
}

/** Facts and bytes without any front door: offline commands work on this alone. */
export interface Storage extends Facts {
  blobs: BlobStore;
}

/** Opens the facts alone: also while a server runs on them, as long as nothing is written that it does not expect. */
export async function openFacts(config: Configuration): Promise<Facts> {
  const { url, poolSize, preparedStatements, statementTimeout } = config.database;
  const path = join(resolve(config.data), 'bonded.db');
  const db = await openDatabase(
    url === undefined
      ? { kind: 'sqlite', path, migrations }
      : { kind: 'postgres', url, migrations, poolSize, preparedStatements, statementTimeoutMs: statementTimeout },
  );
  const catalog: Catalog = {
    db,
    now: Date.now,
    gcDelayMs: config.gc.delay,
    sparseIndexes: config.manifests.sparseIndexes,
  };
  return { db, catalog, [Symbol.asyncDispose]: () => db.close() };
}

/** Opens facts and bytes. Throws when another process has the data directory. */
export async function openStorage(config: Configuration): Promise<Storage> {
  await using stack = new AsyncDisposableStack();
  const data = resolve(config.data);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(data);
  if (!unlock) throw new Error(`${data} is in use by another Bonded; stop it first, or choose another data directory`);
  stack.defer(unlock);
  const { db, catalog } = stack.use(await openFacts(config));
  const blobs = await createFileStore(data);
  const opened = stack.move();
  return { db, blobs, catalog, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** The uploads of a registry, within its configured limits. */
export function openUploads(config: Configuration, { db, blobs }: Storage): Uploads {
  return createUploads(db, blobs, {
    stallMs: config.uploads.stallTimeout,
    minBytesPerSecond: config.uploads.minRate,
    maxBytes: config.uploads.maxBlobSize,
  });
}

export interface App {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  readonly storage: Storage;
  /** Finishes what is in flight, stops background work, closes. Resolves with the number of requests that were cut. */
  stop(): Promise<number>;
}

/** Wires every front door and starts serving: the one place that knows all of them. */
export async function startApp(config: Configuration, log: Log): Promise<App> {
  requireLoopback(config);
  await using stack = new AsyncDisposableStack();
  const metrics = createMetrics();
  const storage = stack.use(await openStorage(config));
  const { db, blobs, catalog } = storage;
  if (!(await isStoreOf(db, blobs))) {
    throw new Error(
      `${resolve(config.data)} has none of the blobs that the database names; is its volume mounted? ` +
        'If they are lost, run bonded fsck --repair first',
    );
  }
  const uploads = openUploads(config, storage);
  const defaultId = await ensureRegistry(catalog, defaultRegistry);
  const registries = [];
  for (const registry of config.registries) {
    registries.push({ ...registry, id: await ensureRegistry(catalog, registry.name) });
  }
  // The security model, in order; every gate sees each request of the distribution API. Identity adds the first ones.
  const gates: Gate[] = [];
  const distribution = {
    catalog,
    uploads,
    blobs,
    manifestTimeoutMs: config.uploads.stallTimeout,
    received: metrics.received,
    served: metrics.served,
  };
  metrics.onScrape(() => metrics.openUploads.set(uploads.busy()));
  const server = startServer({
    listen: config.listen,
    metricsListen: config.metrics.listen,
    tls: tlsOf(config),
    trustedProxies: config.trustedProxies,
    hosts: createHostTable({
      registries: [{ id: defaultId, name: defaultRegistry, hosts: [] }, ...registries],
      defaultRegistry: defaultId,
      domain: config.domain,
      defaultHosts: config.hosts,
    }),
    handle: (exchange) => distribute(distribution, gates, exchange),
    missingFile: (path) => void forgetMissing(storage, path, metrics, log),
    ready: () => db.ping(),
    idleSeconds: Math.ceil(config.idleTimeout / 1000),
    log,
    metrics,
  });
  for (const stop of startBackground(config, storage, uploads, metrics, log)) stack.defer(stop);
  stack.defer(watchLoopLag((seconds) => metrics.loopLagSeconds.set(seconds)));
  const running = stack.move();
  return {
    url: server.url,
    metricsUrl: server.metricsUrl,
    storage,
    stop: async () => stopApp(server, config, running),
  };
}

/**
 * A pull found no file. Unless the blob was collected meanwhile, its fact goes too: clients are told that it is not here,
 * and the next push brings the bytes back.
 */
async function forgetMissing({ db, blobs, catalog }: Storage, path: string, metrics: Metrics, log: Log): Promise<void> {
  try {
    const object = blobs.objectAt(path);
    if (!object || (await verifyBlob(db, blobs, object.digest)) !== 'missing') return;
    metrics.missingFiles.inc();
    const links = await dropMissingBlob(catalog, object.digest, object.key);
    log.error(
      { digest: object.digest, links },
      'the bytes of a blob are gone; it is forgotten, so that a push brings it back',
    );
  } catch (error) {
    log.error({ path, err: error }, 'the bytes of a blob are gone; it could not be forgotten');
  }
}

async function stopApp(server: HttpServer, config: Configuration, running: AsyncDisposableStack): Promise<number> {
  const cut = await server.drain(config.drain.delay, config.drain.timeout);
  await running.disposeAsync();
  return cut;
}

/** Background work of one process. Each round is small, so that requests never wait for it. */
function startBackground(
  config: Configuration,
  { db, blobs, catalog }: Storage,
  uploads: Uploads,
  metrics: Metrics,
  log: Log,
) {
  const failed = (job: string, error: unknown, detail = {}) => {
    metrics.backgroundFailures.inc({ job });
    log.error({ job, err: error, ...detail }, 'background work failed; it is tried again');
  };
  const periodic = (name: string, intervalMs: number, run: () => Promise<boolean>) =>
    startPeriodic({ name, intervalMs, run, failed: (error) => failed(name, error) });
  return [
    periodic('collect', config.gc.interval, async () => {
      const limit = 100;
      const { failures, ...done } = await collectStep(catalog, limit);
      for (const { candidate, error } of failures) failed('collect', error, { candidate });
      const swept = await sweepDeleted(db, blobs, limit);
      metrics.collected.inc({ kind: 'link' }, done.links);
      metrics.collected.inc({ kind: 'manifest' }, done.manifests);
      metrics.collected.inc({ kind: 'blob' }, swept.blobs);
      metrics.reclaimedBytes.inc(swept.bytes);
      if (swept.blobs > 0 || done.manifests > 0) log.info({ ...done, bytes: swept.bytes }, 'collected garbage');
      return done.examined === limit || swept.blobs === limit;
    }),
    periodic('sweep-uploads', Math.min(600_000, config.uploads.expiry), async () => {
      const swept = await uploads.sweep(Date.now() - config.uploads.expiry);
      metrics.sweptUploads.inc(swept.uploads);
      return swept.more;
    }),
    periodic('trim-events', 600_000, async () => (await trimEvents(db, Date.now() - eventAgeMs)) > 0),
  ];
}

function tlsOf({ tls }: Configuration): { certificate: string; key: string } | undefined {
  return tls.certificate !== undefined && tls.key !== undefined
    ? { certificate: tls.certificate, key: tls.key }
    : undefined;
}

/** Whoever reaches the port may push and delete, so nobody else may reach it until callers are identified. */
function requireLoopback(config: Configuration): void {
  for (const [key, address] of [
    ['listen', config.listen],
    ['metrics.listen', config.metrics.listen],
  ] as const) {
    if (address && !isLoopback(address.host)) {
      throw new Error(
        `${key}: ${address.host} is not a loopback address; callers are not identified yet, so only this machine may connect`,
      );
    }
  }
}

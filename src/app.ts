import { join, resolve } from 'node:path';
import { type Catalog, catalogMigrations, collectStep, dropMissingBlob, ensureRegistry } from './catalog/index.ts';
import { type Configuration, hostsOf, registriesOf, tlsOf } from './configuration.ts';
import {
  atDataDirectory,
  type BlobStore,
  bindStore,
  contentMigrations,
  createFileStore,
  createUploads,
  requireStore,
  sweepDeleted,
  takeDataDirectory,
  type Uploads,
  verifyBlob,
} from './content/index.ts';
import { type Database, openDatabase } from './database/index.ts';
import { distribute, type Gate } from './distribution/index.ts';
import { eventMigrations, trimEvents } from './events/index.ts';
import { type HttpServer, startServer } from './http/index.ts';
import { startPeriodic } from './jobs/index.ts';
import { createMetrics, type Log, type Metrics, watchLoopLag } from './telemetry/index.ts';

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

/**
 * Opens facts and bytes. Where there are none, `create` makes them; where there are only bytes, `adopt` makes new facts
 * theirs. Throws when another process has the data directory, or when facts and bytes do not belong together.
 */
export async function openStorage(
  config: Configuration,
  { create = false, adopt = false }: { create?: boolean; adopt?: boolean } = {},
): Promise<Storage> {
  await using stack = new AsyncDisposableStack();
  const data = resolve(config.data);
  stack.defer(await takeDataDirectory(data, create));
  const { db, catalog } = stack.use(await openFacts(config));
  const blobs = await atDataDirectory(data, () => createFileStore(data));
  await bindStore(db, blobs, adopt);
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
  await using stack = new AsyncDisposableStack();
  const metrics = createMetrics();
  const storage = stack.use(await openStorage(config, { create: true }));
  const { db, blobs, catalog } = storage;
  const uploads = openUploads(config, storage);
  const registryIds: number[] = [];
  for (const { name } of registriesOf(config)) registryIds.push(await ensureRegistry(catalog, name));
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
    hosts: hostsOf(config, registryIds),
    handle: (exchange) => distribute(distribution, gates, exchange),
    missingFile: (path) => void forgetMissing(storage, path, metrics, log),
    ready: async () => {
      await db.ping();
      await requireStore(db, blobs);
    },
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
    // One file that is gone is damage; all of them gone is a disk that is not mounted, and its facts must stay.
    await requireStore(db, blobs);
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
      const { links, manifests, repositories } = done;
      const removed = { links, manifests, repositories, ...swept };
      if (links + manifests + repositories + swept.blobs > 0) log.info(removed, 'collected garbage');
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

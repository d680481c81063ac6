import { type Configuration, tlsOf } from '../configuration.ts';
import { requireStore } from '../content/index.ts';
import { createAudit } from '../audit/index.ts';
import { isOverLimit, type PullCounter } from '../catalog/index.ts';
import { serveAttributes } from '../acr/index.ts';
import { distribute, serveDataEndpoint } from '../distribution/index.ts';
import { createRegionOf, type HttpServer, startServer } from '../http/index.ts';
import { createByteBudget } from '../memory/index.ts';
import { createOauth2 } from '../oauth2/index.ts';
import type { Digest } from '../oci/index.ts';
import { keptUntilRead } from '../registries/index.ts';
import { createMetrics, type Log, type Metrics, watchLoopLag, watchMemory } from '../telemetry/index.ts';
import { type Access, openAccess } from './access.ts';
import { advisoryDatabase } from './advisories.ts';
import { keepAdvisories } from './keep-advisories.ts';
import { recordDone, recordRefused, refusalsTo, tokensTo } from './audit-trail.ts';
import { openAdmission } from './admission.ts';
import { createFailures, startBackground, takeUpOperations } from './background.ts';
import { createDataEndpoint } from './data-endpoint.ts';
import { createGates } from './gates.ts';
import { imageGate } from './image-gate.ts';
import { createLiveHosts } from './hosts.ts';
import { createImportAction } from './importing.ts';
import { createManagementEdge } from './management.ts';
import { measureStorage } from './measure-storage.ts';
import { startCounting } from './pulls.ts';
import { forgetMissing } from './missing.ts';
import { createNetworkGates } from './network-gates.ts';
import { startScanning } from './scan.ts';
import { createStorageLimits } from './storage-limits.ts';
import { openThrottle } from './throttle.ts';
import { ensureRegistries, openStorage, openUploads, type SharedRights, type Storage } from './storage.ts';

export interface App {
  readonly url: string;
  readonly metricsUrl: string | undefined;
  /** Of `network.listeners`, in their order. */
  readonly listenerUrls: readonly string[];
  readonly storage: Storage;
  readonly access: Access;
  /** Those of this process. */
  readonly metrics: Metrics;
  /** What was pulled from this process. */
  readonly pulls: PullCounter;
  /** Finishes what is in flight, stops background work, closes. Resolves with the number of requests that were cut. */
  stop(): Promise<number>;
}

/** One process of several that are one server. */
export interface Worker extends SharedRights {
  /** Whether it does the background work for all. */
  background: boolean;
  /** The metrics of all. */
  renderMetrics(): Promise<string>;
}

/**
 * Most bytes of manifests that are being pushed at once, and of lists that are being sent: sixteen of the largest, or many
 * thousand of the usual ones.
 */
const manifestBytes = 64 * 1024 * 1024;
const listBytes = 64 * 1024 * 1024;
/** The same of searches: four at once. */
const searchBytes = 64 * 1024 * 1024;

/** Wires every front door and starts serving: the one place that knows all of them. `now` (ms) is what tokens expire by. */
export async function startApp(
  config: Configuration,
  log: Log,
  worker?: Worker,
  now: () => number = Date.now,
): Promise<App> {
  await using stack = new AsyncDisposableStack();
  const metrics = createMetrics();
  const unheard = (error: unknown) =>
    log.error({ err: error }, 'the database does not take heartbeats; other nodes will take over what this one has');
  const storage = stack.use(await openStorage(config, { create: true, shared: worker, unheard }));
  const { db, blobs, catalog } = storage;
  const uploads = openUploads(config, storage, worker, now);
  const registryIds = await ensureRegistries(config, storage);
  const access = await openAccess(config, storage, { log, now, url: () => server.url });
  // Whoever writes has the rules, as the directory has them now.
  catalog.tagMutability = (id, repository) => access.directory().registry(id)?.tagMutability(repository);
  catalog.quarantines = (id, repository) => admission.rules.of(id, repository)?.quarantines === true;
  catalog.softDelete = (id) => (access.directory().registry(id) ?? { softDelete: keptUntilRead }).softDelete;
  catalog.storageLimiter = createStorageLimits(access.directory, access.tiers);
  const hosts = createLiveHosts(config, registryIds, access);
  const audit = createAudit(log);
  stack.defer(() => audit.close());
  const failed = createFailures(metrics, log);
  const { admission, doorOf, heldTags, quarantine } = openAdmission(storage, access, { audit, failed, now });
  const limits = openThrottle(config, storage, access, { metrics, audit, failed, now });
  for (const stop of limits.follow()) stack.defer(stop);
  const network = createNetworkGates({ config, access, audit });
  const refusals = refusalsTo(audit);
  const [authenticate, authorise] = createGates({
    ...access,
    refused(exchange, refusal) {
      limits.gates.failed(exchange, refusal, refusal.caller);
      refusals(exchange, refusal);
    },
  });
  // The security model, in order; every gate sees each request to the content of a registry.
  const known = [limits.gates.source, authenticate, network.allow, limits.gates.throttle];
  const gates = [...known, authorise, imageGate(db)];
  const tokens = tokensTo(audit);
  const oauth2 = createOauth2({
    identification: access.identification,
    authenticator: access.authenticator,
    lifetimes: { accessMs: config.tokens.access, refreshMs: config.tokens.refresh },
    isService: (service, registryId) => hosts.means(service, registryId),
    refused(exchange, refused) {
      limits.gates.failed(exchange, refused.refusal, refused.caller);
      tokens.refused(exchange, refused);
    },
    granted: tokens.granted,
    admitRequest: limits.gates.admitOauth2,
    admit: network.admit,
  });
  const management = createManagementEdge(config, access, {
    gates: known,
    network,
    throttled: limits.callers,
    audit,
    catalog,
    admission,
    importImage: createImportAction(config, access, storage, uploads, network, limits.ofContent, admission),
    advisories: advisoryDatabase(config, access, storage, uploads, network),
    // Nodes tell each other what they have taken; of the workers of one server, one does it for all.
    carriesOut: storage.node !== undefined || worker?.background !== false,
    failed: (error) => failed('management', error),
  });
  stack.defer(() => management.stop());
  const missing = (digest: Digest, key: string) => void forgetMissing(storage, digest, key, metrics, log);
  const pulls = startCounting(catalog, createRegionOf(config.network.regions), failed);
  stack.defer(() => pulls.stop());
  const distribution = {
    catalog,
    pulls,
    uploads,
    blobs,
    admission: doorOf,
    heldTags,
    quarantine,
    searchesMetadata: (registryId: number) => access.directory().registry(registryId)?.searchesMetadata === true,
    manifestTimeoutMs: config.uploads.stallTimeout,
    manifestMemory: createByteBudget(manifestBytes),
    listMemory: createByteBudget(listBytes),
    searchMemory: createByteBudget(searchBytes),
    limits: limits.ofContent,
    received: metrics.received,
    served: metrics.served,
    redirects: redirectsBy(config),
    dataEndpoint: createDataEndpoint({ config, keys: access.keys, network, now }),
    missing,
  };
  metrics.onScrape(() => {
    limits.measure();
    metrics.openUploads.set(uploads.busy());
    metrics.nodes.set(storage.node?.alive() ?? 1);
  });
  const server = startServer({
    listen: config.listen,
    metricsListen: config.metrics.listen,
    tls: tlsOf(config),
    trustedProxies: config.trustedProxies,
    hosts,
    publicUrl: config.publicUrl,
    listeners: config.network.listeners,
    linkHeader: config.network.linkHeader,
    async handle(exchange) {
      network.origin(exchange);
      if (exchange.atDataEndpoint) return serveDataEndpoint(distribution, exchange);
      const token = oauth2(exchange);
      if (token) return token;
      let answer: Response | undefined;
      try {
        answer =
          (await distribute(distribution, gates, exchange)) ?? (await serveAttributes(distribution, gates, exchange));
      } catch (error) {
        recordRefused(audit, exchange, error);
        if (isOverLimit(error)) metrics.storageRefusals.inc({ level: error.detail.level });
        throw error;
      }
      if (!answer) {
        const other = await management.handle(exchange);
        if (!other) network.refuseUnasked(exchange);
        return other;
      }
      recordDone(audit, exchange, answer);
      return answer;
    },
    renderError: management.renderError,
    missingFile(path) {
      const object = blobs.objectAt(path);
      if (object?.digest) missing(object.digest, object.key);
    },
    ready: async () => {
      await db.ping();
      await requireStore(db, blobs);
    },
    limits: config.limits,
    idleSeconds: Math.ceil(config.idleTimeout / 1000),
    reusePort: worker !== undefined,
    log,
    metrics: worker ? { ...metrics, render: worker.renderMetrics } : metrics,
  });
  for (const stop of access.follow(failed)) stack.defer(stop);
  stack.defer(takeUpOperations(management, failed));
  if (worker?.background !== false) {
    for (const stop of keepAdvisories(config, storage, metrics, { log, failed, now })) stack.defer(stop);
    for (const stop of startScanning(config, storage, access, uploads, { log, failed, metrics, now }))
      stack.defer(stop);
    for (const stop of startBackground(config, storage, access, uploads, admission, metrics, { log, failed }))
      stack.defer(stop);
  }
  stack.defer(measureStorage(catalog, access, metrics, failed));
  stack.defer(watchLoopLag((seconds) => metrics.loopLagSeconds.set(seconds)));
  stack.defer(watchMemory());
  const running = stack.move();
  return {
    url: server.url,
    metricsUrl: server.metricsUrl,
    listenerUrls: server.listenerUrls,
    storage,
    access,
    metrics,
    pulls,
    stop: async () => {
      // Others go on with the background work while requests finish here.
      void storage.node?.giveBack().catch(unheard);
      return stopApp(server, config, running);
    },
  };
}

/** Which clients may be sent to S3 (lesson 16: some take their credentials along, which S3 refuses). */
function redirectsBy({ storage }: Configuration): (userAgent: string) => boolean {
  const { enabled, exceptClients } = storage.s3.presignedReads;
  const exempt = exceptClients.map((name) => name.toLowerCase());
  return (userAgent) => {
    if (!enabled) return false;
    const agent = userAgent.toLowerCase();
    return !exempt.some((name) => agent.includes(name));
  };
}

async function stopApp(server: HttpServer, config: Configuration, running: AsyncDisposableStack): Promise<number> {
  const cut = await server.drain(config.drain.delay, config.drain.timeout);
  await running.disposeAsync();
  return cut;
}

import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type MetricsSnapshot, snapshotOf } from './snapshot.ts';
import { createTally, createTimes } from './tally.ts';

/** Every metric that the registry exports, in one place; `docs/reference/metrics.md` is generated from it. */
export interface Metrics {
  /** One answered request; `seconds` until its answer began. */
  request(method: string, route: string, status: number, seconds: number): void;
  refused(code: string): void;
  /** Bytes of blobs taken in, and answered with. */
  received(bytes: number): void;
  served(bytes: number): void;
  openUploads: Gauge;
  nodes: Gauge;
  loopLagSeconds: Gauge;
  collected: Counter<'kind'>;
  reclaimedBytes: Counter;
  sweptUploads: Counter;
  backgroundFailures: Counter<'job'>;
  missingFiles: Counter;
  /** A request refused for a rate of its tier. */
  throttled(registry: string, category: string, level: string): void;
  /** A request that waited for its turn, whether or not that came. */
  throttleWait(category: string, seconds: number): void;
  throttleWaiting: Gauge;
  sourceThrottled: Counter;
  rateBudget: Gauge<'registry' | 'category'>;
  registryUsage: Gauge<'registry' | 'resource'>;
  registryLimit: Gauge<'registry' | 'resource'>;
  /** Of each registry, up to a number. */
  storageUsed: Gauge<'registry'>;
  storageLimit: Gauge<'registry'>;
  storageRefusals: Counter<'level'>;
  advisoryAge: Gauge<'feed'>;
  advisoryRecords: Gauge<'feed'>;
  /** A scan that ended; `seconds` since it was taken from the queue. */
  scanned(outcome: string, seconds: number): void;
  scanQueue: Gauge<'state'>;
  scanWait: Gauge;
  workers: Gauge;
  restarts: Counter;
  /** Has `read` called before each scrape: for gauges whose value somebody else knows. */
  onScrape(read: () => void): void;
  /** Text exposition format 0.0.4. */
  render(): Promise<string>;
  /** All values, for whoever adds up those of several processes. */
  snapshot(): Promise<MetricsSnapshot>;
  contentType: string;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // To tell them, JavaScriptCore walks through its whole heap: each scrape would stop the event loop for 10 to 100 ms.
  for (const what of ['total', 'used', 'available'])
    registry.removeSingleMetric(`nodejs_heap_space_size_${what}_bytes`);
  const registers = [registry];
  const counter = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Counter<T>({ name, help, labelNames, registers });
  const gauge = <T extends string = never>(
    name: string,
    help: string,
    aggregator: 'sum' | 'max' | 'min' = 'sum',
    labelNames: T[] = [],
  ) => new Gauge<T>({ name, help, registers, aggregator, labelNames });
  const ofRegistries = (name: string, help: string) => gauge(name, help, 'max', ['registry']);
  const readers: (() => void)[] = [];
  const requests = createTally(registry, {
    name: 'bonded_http_requests_total',
    help: 'Requests answered, by method, kind of path and status.',
    labels: ['method', 'route', 'status'],
  });
  const times = createTimes(registry, {
    name: 'bonded_http_request_seconds',
    help: 'Time from a request until its answer begins, by kind of path.',
    labels: ['route'],
  });
  const refused = createTally(registry, {
    name: 'bonded_http_refusals_total',
    help: 'Requests refused, by error code.',
    labels: ['code'],
  });
  const throttled = createTally(registry, {
    name: 'bonded_throttled_requests_total',
    help: 'Requests refused for a rate of the tier, by registry, category and whose rate it was; of many registries by name 100 alone.',
    labels: ['registry', 'category', 'level'],
  });
  const throttleWait = createTimes(registry, {
    name: 'bonded_throttle_wait_seconds',
    help: 'How long writes waited for a rate of the tier, by category.',
    labels: ['category'],
  });
  const received = createTally(registry, {
    name: 'bonded_upload_bytes_total',
    help: 'Bytes of blobs received and kept.',
  });
  const served = createTally(registry, {
    name: 'bonded_blob_bytes_total',
    help: 'Bytes of blobs answered with; a client may have read fewer.',
  });
  const scans = createTally(registry, {
    name: 'bonded_scans_total',
    help: 'Scans of images that ended, by outcome.',
    labels: ['outcome'],
  });
  const scanTimes = createTimes(registry, {
    name: 'bonded_scan_seconds',
    help: 'How long scans of images took, by outcome.',
    labels: ['outcome'],
  });
  return {
    request(method, route, status, seconds) {
      requests(`${method} ${route} ${status}`);
      times(route, seconds);
    },
    refused,
    received: (bytes) => received('', bytes),
    served: (bytes) => served('', bytes),
    openUploads: gauge('bonded_uploads_active', 'Uploads that are receiving bytes now.'),
    nodes: gauge(
      'bonded_nodes_active',
      'Nodes on the same database whose heartbeats arrive, as this one sees it.',
      'max',
    ),
    loopLagSeconds: gauge('bonded_event_loop_lag_seconds', 'How late the event loop last ran.', 'max'),
    collected: counter('bonded_gc_collected_total', 'What garbage collection removed, by kind.', ['kind']),
    reclaimedBytes: counter('bonded_gc_reclaimed_bytes_total', 'Bytes of blobs that garbage collection freed.'),
    sweptUploads: counter('bonded_gc_uploads_total', 'Abandoned uploads that were ended.'),
    backgroundFailures: counter('bonded_background_failures_total', 'Background work that failed, by job.', ['job']),
    throttled: (name, category, level) => throttled(`${name} ${category} ${level}`),
    throttleWait,
    throttleWaiting: gauge('bonded_throttle_waits_active', 'Writes that wait for a rate of the tier now.', 'sum'),
    sourceThrottled: counter(
      'bonded_source_throttled_total',
      'Logins refused because too many had failed from the same address.',
    ),
    rateBudget: gauge(
      'bonded_rate_budget_ratio',
      'What is left of the rates of a registry, as a part of what its buckets hold, by category.',
      'min',
      ['registry', 'category'],
    ),
    registryUsage: gauge('bonded_registry_usage', 'How many a registry has of what its tier bounds.', 'max', [
      'registry',
      'resource',
    ]),
    registryLimit: gauge('bonded_registry_limit', 'How many its tier allows; -1 for any number.', 'max', [
      'registry',
      'resource',
    ]),
    missingFiles: counter('bonded_missing_files_total', 'Pulls of a blob whose bytes were not there.'),
    storageUsed: ofRegistries(
      'bonded_storage_used_bytes',
      'Bytes of the distinct blobs and the manifests of a registry, of the first hundred by name.',
    ),
    storageLimit: ofRegistries('bonded_storage_limit_bytes', 'How much the registry may store, where that is limited.'),
    storageRefusals: counter(
      'bonded_storage_refusals_total',
      'Pushes refused because a storage limit is reached, of a registry or of a repository.',
      ['level'],
    ),
    advisoryAge: gauge(
      'bonded_advisories_age_seconds',
      'Time since a source of advisories was up to date; of one that never was, since 1970.',
      'max',
      ['feed'],
    ),
    advisoryRecords: gauge('bonded_advisories_active', 'Advisories that are known of a source.', 'max', ['feed']),
    scanned: (outcome, seconds) => {
      scans(outcome);
      scanTimes(outcome, seconds);
    },
    scanQueue: gauge(
      'bonded_scans_active',
      'Images that wait to be scanned, are being scanned, or could not be; counted up to 10,000.',
      'max',
      ['state'],
    ),
    scanWait: gauge(
      'bonded_scan_wait_seconds',
      'How long the image has waited that waits longest to be scanned.',
      'max',
    ),
    workers: gauge('bonded_workers_active', 'Worker processes that serve; 0 where one process does everything.'),
    restarts: counter('bonded_worker_restarts_total', 'Worker processes that ended and were replaced.'),
    onScrape: (read) => void readers.push(read),
    render: () => {
      for (const read of readers) read();
      return registry.metrics();
    },
    snapshot: () => {
      for (const read of readers) read();
      return snapshotOf(registry);
    },
    contentType: registry.contentType,
  };
}

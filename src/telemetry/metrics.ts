import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Every metric that the registry exports, in one place; `docs/reference/metrics.md` is generated from it. */
export interface Metrics {
  requests: Counter<'method' | 'route' | 'status'>;
  requestSeconds: Histogram<'route'>;
  refusals: Counter<'code'>;
  receivedBytes: Counter;
  servedBytes: Counter;
  openUploads: Gauge;
  loopLagSeconds: Gauge;
  collected: Counter<'kind'>;
  reclaimedBytes: Counter;
  sweptUploads: Counter;
  backgroundFailures: Counter<'job'>;
  missingFiles: Counter;
  /** Text exposition format 0.0.4. */
  render(): Promise<string>;
  contentType: string;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const counter = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Counter<T>({ name, help, labelNames, registers });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  return {
    requests: counter('bonded_http_requests_total', 'Requests answered, by method, kind of path and status.', [
      'method',
      'route',
      'status',
    ]),
    requestSeconds: new Histogram({
      name: 'bonded_http_request_seconds',
      help: 'Time from a request until its answer begins, by kind of path.',
      labelNames: ['route'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120],
      registers,
    }),
    refusals: counter('bonded_http_refusals_total', 'Requests refused, by error code.', ['code']),
    receivedBytes: counter('bonded_upload_bytes_total', 'Bytes of blobs received.'),
    servedBytes: counter('bonded_blob_bytes_total', 'Bytes of blobs answered with; a client may have read fewer.'),
    openUploads: gauge('bonded_uploads_active', 'Uploads that are receiving bytes now.'),
    loopLagSeconds: gauge('bonded_event_loop_lag_seconds', 'How late the event loop last ran.'),
    collected: counter('bonded_gc_collected_total', 'What garbage collection removed, by kind.', ['kind']),
    reclaimedBytes: counter('bonded_gc_reclaimed_bytes_total', 'Bytes of blobs that garbage collection freed.'),
    sweptUploads: counter('bonded_gc_uploads_total', 'Abandoned uploads that were ended.'),
    backgroundFailures: counter('bonded_background_failures_total', 'Background work that failed, by job.', ['job']),
    missingFiles: counter('bonded_missing_files_total', 'Pulls of a blob whose bytes were not there.'),
    render: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

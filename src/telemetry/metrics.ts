import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { createRequestMetrics } from './request-metrics.ts';

/** Every metric that the registry exports, in one place; `docs/reference/metrics.md` is generated from it. */
export interface Metrics {
  /** One answered request; `seconds` until its answer began. */
  request(method: string, route: string, status: number, seconds: number): void;
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
  /** Has `read` called before each scrape: for gauges whose value somebody else knows. */
  onScrape(read: () => void): void;
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
  const readers: (() => void)[] = [];
  return {
    request: createRequestMetrics(registry),
    refusals: counter('bonded_http_refusals_total', 'Requests refused, by error code.', ['code']),
    receivedBytes: counter('bonded_upload_bytes_total', 'Bytes of blobs received and kept.'),
    servedBytes: counter('bonded_blob_bytes_total', 'Bytes of blobs answered with; a client may have read fewer.'),
    openUploads: gauge('bonded_uploads_active', 'Uploads that are receiving bytes now.'),
    loopLagSeconds: gauge('bonded_event_loop_lag_seconds', 'How late the event loop last ran.'),
    collected: counter('bonded_gc_collected_total', 'What garbage collection removed, by kind.', ['kind']),
    reclaimedBytes: counter('bonded_gc_reclaimed_bytes_total', 'Bytes of blobs that garbage collection freed.'),
    sweptUploads: counter('bonded_gc_uploads_total', 'Abandoned uploads that were ended.'),
    backgroundFailures: counter('bonded_background_failures_total', 'Background work that failed, by job.', ['job']),
    missingFiles: counter('bonded_missing_files_total', 'Pulls of a blob whose bytes were not there.'),
    onScrape: (read) => void readers.push(read),
    render: () => {
      for (const read of readers) read();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

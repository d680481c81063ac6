import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';

/** The values of all metrics at one time, as plain data. */
export type MetricsSnapshot = MetricObjectWithValues<MetricValue<string>>[];

/** Where a sum over processes says nothing, and the library would leave the metric out or sum it. */
const aggregators: Record<string, MetricsSnapshot[number]['aggregator']> = {
  process_start_time_seconds: 'min',
  process_max_fds: 'min',
};

export async function snapshotOf(registry: Registry): Promise<MetricsSnapshot> {
  const metrics = await registry.getMetricsAsJSON();
  return metrics.map((metric) => ({ ...metric, aggregator: aggregators[metric.name] ?? metric.aggregator }));
}

/** Several snapshots as one: what counts is added up, a gauge is what its metric says. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<MetricsSnapshot> {
  return AggregatorRegistry.aggregate([...snapshots]).getMetricsAsJSON();
}

/** What stays true of a process that has ended: all that it counted. */
export function countsOf(snapshot: MetricsSnapshot): MetricsSnapshot {
  return snapshot.filter(({ type }) => String(type) !== 'gauge');
}

/** Text exposition format 0.0.4. */
export function renderSnapshots(snapshots: readonly MetricsSnapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

import { Counter, type Metric, type Registry } from 'prom-client';

/** Upper bounds of the time buckets (s). */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120];

interface Times {
  /** One count for each bound and one above the last; not cumulative. */
  counts: number[];
  sum: number;
}

/**
 * Counts requests and their times in plain numbers, and makes Prometheus samples of them at a scrape only: hashing
 * labels for each request would cost a tenth of a small answer.
 */
export function createRequestMetrics(
  registry: Registry,
): (method: string, route: string, status: number, seconds: number) => void {
  const requests = new Map<string, { method: string; route: string; status: number; count: number }>();
  const times = new Map<string, Times>();

  // oxlint-disable-next-line no-new
  new Counter({
    name: 'bonded_http_requests_total',
    help: 'Requests answered, by method, kind of path and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { count, ...labels } of requests.values()) this.inc(labels, count);
    },
  });
  registry.registerMetric(timesMetric(times));

  return (method, route, status, seconds) => {
    const key = `${method} ${route} ${status}`;
    const counted = requests.get(key);
    if (counted) counted.count++;
    else requests.set(key, { method, route, status, count: 1 });
    let time = times.get(route);
    if (!time) times.set(route, (time = { counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }));
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    time.counts[bucket]!++;
    time.sum += seconds;
  };
}

/** A histogram as prom-client renders one. Its own class cannot be filled from numbers counted elsewhere. */
function timesMetric(times: ReadonlyMap<string, Times>): Metric {
  const name = 'bonded_http_request_seconds';
  const get = async () => ({
    name,
    help: 'Time from a request until its answer begins, by kind of path.',
    type: 'histogram',
    aggregator: 'sum',
    values: [...times].flatMap(([route, { counts, sum }]) => {
      let total = 0;
      const buckets = counts.map((count, at) => {
        total += count;
        return { metricName: `${name}_bucket`, labels: { le: bounds[at] ?? '+Inf', route }, value: total };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels: { route }, value: sum },
        { metricName: `${name}_count`, labels: { route }, value: total },
      ];
    }),
  });
  return { name, get } as unknown as Metric;
}

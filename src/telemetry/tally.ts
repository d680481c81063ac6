import { Counter, type Metric, type Registry } from 'prom-client';

/*
 * For what happens with every request: counted in plain numbers, of which samples are made at a scrape only. To hash
 * labels each time would cost a tenth of a small answer.
 */

interface About {
  name: string;
  help: string;
  labels?: readonly string[];
}

/** A counter. `key` holds the values of its labels in order, separated by spaces. */
export function createTally(registry: Registry, about: About): (key: string, by?: number) => void {
  const labelNames = about.labels ?? [];
  const counts = new Map<string, number>(labelNames.length === 0 ? [['', 0]] : []);
  // oxlint-disable-next-line no-new
  new Counter({
    name: about.name,
    help: about.help,
    labelNames: [...labelNames],
    registers: [registry],
    collect() {
      this.reset();
      for (const [key, count] of counts) {
        const values = key.split(' ');
        this.inc(Object.fromEntries(labelNames.map((name, at) => [name, values[at] ?? ''])), count);
      }
    },
  });
  return (key, by = 1) => void counts.set(key, (counts.get(key) ?? 0) + by);
}

/** Upper bounds of the buckets of times (s). */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120];

interface Times {
  /** One count for each bound and one above the last; not cumulative. */
  counts: number[];
  sum: number;
}

/** A histogram of times with one label. */
export function createTimes(
  registry: Registry,
  about: About & { labels: readonly [string] },
): (label: string, seconds: number) => void {
  const times = new Map<string, Times>();
  registry.registerMetric(timesMetric(about, times));
  return (label, seconds) => {
    let time = times.get(label);
    if (!time) times.set(label, (time = { counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 }));
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket++;
    time.counts[bucket]!++;
    time.sum += seconds;
  };
}

/** A histogram as prom-client renders one. Its own class cannot be filled from numbers counted elsewhere. */
function timesMetric(
  { name, help, labels: [label] }: About & { labels: readonly [string] },
  times: Map<string, Times>,
) {
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [...times].flatMap(([value, { counts, sum }]) => {
      const labels = { [label]: value };
      let total = 0;
      const buckets = counts.map((count, at) => {
        total += count;
        return { metricName: `${name}_bucket`, labels: { le: bounds[at] ?? '+Inf', ...labels }, value: total };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: total },
      ];
    }),
  });
  return { name, get } as unknown as Metric;
}

import { percentile } from '../percentile.ts';
import type { ZbRun } from './run-test.ts';
import { sizes } from './sizes.ts';

/** Milliseconds at each percentile that zb prints. */
export interface Latencies {
  min: number;
  max: number;
  p50: number;
  p75: number;
  p90: number;
  p99: number;
}

export interface Summary {
  name: string;
  seconds: number;
  requests: number;
  failed: number;
  requestsPerSecond: number;
  /** Of layers, in requests that succeeded. */
  mibPerSecond: number;
  /** How often each class of status came: `2xx`, or `none` where there was no answer. */
  statuses: Record<string, number>;
  sizes: Record<string, number>;
  kinds: Record<string, number>;
  errors: Record<string, number>;
  latencies: Latencies;
  /** To the first byte of an answer, by what was asked for. */
  firstBytes: Record<string, Latencies>;
  cleaned: boolean;
}

export function summaryOf({ test, seconds, records, cleaned }: ZbRun): Summary {
  const good = records.filter(({ error }) => error === undefined);
  const moved = good.filter(({ kind }) => kind !== 'catalog');
  const asked = ['Manifest HEAD', 'Manifest GET', 'Config', 'Layer'] as const;
  const firstBytes = asked.flatMap((what) => {
    const samples = records.map((record) => record.firstBytes[what]).filter((sample) => sample !== undefined);
    return samples.length === 0 ? [] : [[what, latenciesOf(samples)] as const];
  });
  return {
    name: test.name,
    seconds,
    requests: records.length,
    failed: records.length - good.length,
    requestsPerSecond: records.length / seconds,
    mibPerSecond: moved.reduce((sum, { size }) => sum + sizes[size], 0) / 1024 ** 2 / seconds,
    statuses: tally(records, ({ status }) => (status === 0 ? 'none' : `${Math.floor(status / 100)}xx`)),
    sizes: tally(records, ({ size }) => size),
    kinds: tally(records, ({ kind }) => kind),
    errors: tally(
      records.filter(({ error }) => error !== undefined),
      ({ error }) => error!,
    ),
    latencies: latenciesOf(records.map(({ milliseconds }) => milliseconds)),
    firstBytes: Object.fromEntries(firstBytes),
    cleaned,
  };
}

export function latenciesOf(samples: readonly number[]): Latencies {
  const at = (percent: number) => percentile(samples, percent);
  return { min: at(0), max: at(100), p50: at(50), p75: at(75), p90: at(90), p99: at(99) };
}

function tally<T>(values: readonly T[], keyOf: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) {
    const key = keyOf(value);
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

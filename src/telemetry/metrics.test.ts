import { expect, spyOn, test } from 'bun:test';
import v8 from 'node:v8';
import { createMetrics } from './metrics.ts';
import { watchLoopLag } from './loop-lag.ts';

test('requests are counted by method, route and status', async () => {
  const metrics = createMetrics();
  for (let at = 0; at < 3; at++) metrics.request('GET', 'blob', 200, 0.001);
  metrics.request('GET', 'blob', 404, 0.001);
  metrics.request('PUT', 'manifest', 201, 0.001);
  // Twice, for a scrape must not change what the next one sees.
  await metrics.render();
  const text = await metrics.render();
  expect(text).toContain('bonded_http_requests_total{method="GET",route="blob",status="200"} 3\n');
  expect(text).toContain('bonded_http_requests_total{method="GET",route="blob",status="404"} 1\n');
  expect(text).toContain('bonded_http_requests_total{method="PUT",route="manifest",status="201"} 1\n');
});

test('times are a cumulative histogram by route', async () => {
  const metrics = createMetrics();
  for (const seconds of [0.0001, 0.0005, 0.0006, 0.02, 500]) metrics.request('GET', 'blob', 200, seconds);
  metrics.request('GET', 'tags', 200, 0.01);
  const text = await metrics.render();
  const bucket = (le: string, route = 'blob') =>
    Number(
      new RegExp(
        `^bonded_http_request_seconds_bucket\\{le="${le.replace('+', '\\+')}",route="${route}"\\} (\\d+)$`,
        'm',
      ).exec(text)?.[1],
    );
  expect([bucket('0.0005'), bucket('0.001'), bucket('0.01'), bucket('0.025'), bucket('120'), bucket('+Inf')]).toEqual([
    2, 3, 3, 4, 4, 5,
  ]);
  expect(bucket('+Inf', 'tags')).toBe(1);
  expect(text).toContain('# TYPE bonded_http_request_seconds histogram\n');
  expect(text).toContain('bonded_http_request_seconds_count{route="blob"} 5\n');
  expect(text).toMatch(/^bonded_http_request_seconds_sum\{route="blob"\} 500\.0212\d*$/m);
});

test('a gauge whose value somebody else knows is read at each scrape', async () => {
  const metrics = createMetrics();
  let open = 2;
  metrics.onScrape(() => metrics.openUploads.set(open));
  expect(await metrics.render()).toContain('bonded_uploads_active 2\n');
  open = 0;
  expect(await metrics.render()).toContain('bonded_uploads_active 0\n');
});

test('every metric of ours has a name in base units and a sentence of help', async () => {
  const help = (await createMetrics().render()).split('\n').filter((line) => line.startsWith('# HELP bonded_'));
  expect(help.length).toBeGreaterThan(10);
  for (const line of help)
    expect(line).toMatch(/^# HELP bonded_[a-z_]+?(?:_total|_seconds|_bytes|_ratio|_active|_usage|_limit) [A-Z].+\.$/);
});

test('a scrape does not walk through the heap, for which everybody would wait', async () => {
  const metrics = createMetrics();
  using asked = spyOn(v8, 'getHeapSpaceStatistics');
  using statistics = spyOn(v8, 'getHeapStatistics');
  expect(await metrics.render()).toContain('nodejs_heap_size_used_bytes ');
  expect(asked).toHaveBeenCalledTimes(0);
  expect(statistics).toHaveBeenCalledTimes(0);
});

test('a late event loop shows', async () => {
  const lags: number[] = [];
  const stop = watchLoopLag((seconds) => lags.push(seconds));
  await Bun.sleep(400);
  Bun.sleepSync(600);
  await Bun.sleep(50);
  stop();
  expect(Math.max(...lags)).toBeGreaterThan(0.3);
});

import { expect, test } from 'bun:test';
import { createMetrics } from './metrics.ts';
import { countsOf, mergeSnapshots, type MetricsSnapshot, renderSnapshots } from './snapshot.ts';

/** Metrics of one process, as they arrive in another. */
async function processWith(requests: number, lag: number): Promise<MetricsSnapshot> {
  const metrics = createMetrics();
  for (let n = 0; n < requests; n++) metrics.request('GET', 'blob', 200, 0.02);
  metrics.refused('DENIED');
  metrics.openUploads.set(requests);
  metrics.loopLagSeconds.set(lag);
  metrics.collected.inc({ kind: 'blob' }, 2);
  return structuredClone(await metrics.snapshot());
}

test('several processes are one: counts and open uploads are added up, of late event loops the latest shows', async () => {
  const text = await renderSnapshots([await processWith(3, 0.5), await processWith(4, 0.1)]);
  expect(text).toContain('bonded_http_requests_total{method="GET",route="blob",status="200"} 7\n');
  expect(text).toContain('bonded_http_refusals_total{code="DENIED"} 2\n');
  expect(text).toContain('bonded_gc_collected_total{kind="blob"} 4\n');
  expect(text).toContain('bonded_http_request_seconds_bucket{le="0.025",route="blob"} 7\n');
  expect(text).toContain('bonded_http_request_seconds_bucket{le="0.01",route="blob"} 0\n');
  expect(text).toContain('bonded_http_request_seconds_count{route="blob"} 7\n');
  expect(text).toContain('bonded_uploads_active 7\n');
  expect(text).toContain('bonded_event_loop_lag_seconds 0.5\n');
  expect(Number(/^process_start_time_seconds (\d+)/m.exec(text)?.[1])).toBeGreaterThan(1.5e9);
  const alone = await createMetrics().render();
  const names = (of: string) => of.split('\n').filter((line) => line.startsWith('# TYPE'));
  expect(names(text)).toEqual(names(alone));
});

test('of a process that has ended, what it counted stays, however many of them there are', async () => {
  let retired: MetricsSnapshot = [];
  for (let n = 0; n < 3; n++) retired = await mergeSnapshots([retired, countsOf(await processWith(5, 1))]);
  const text = await renderSnapshots([await processWith(1, 0.2), retired]);
  expect(text).toContain('bonded_http_requests_total{method="GET",route="blob",status="200"} 16\n');
  expect(text).toContain('bonded_http_request_seconds_count{route="blob"} 16\n');
  expect(text).toContain('bonded_uploads_active 1\n');
  expect(text).toContain('bonded_event_loop_lag_seconds 0.2\n');
});

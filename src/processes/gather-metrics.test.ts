import { expect, test } from 'bun:test';
import { createMetrics } from '../telemetry/index.ts';
import { gatherMetrics } from './gather-metrics.ts';
import type { WorkerProcess } from './spawn-worker.ts';

function fakeWorker(gathered: () => ReturnType<typeof gatherMetrics>) {
  const metrics = createMetrics();
  const state = { silent: false };
  const worker = {
    send: () => void (state.silent || metrics.snapshot().then((values) => gathered().measured(worker, values))),
  } as unknown as WorkerProcess;
  return { metrics, state, worker };
}

const count = async (text: Promise<string>) =>
  Number(/^bonded_http_refusals_total\{code="DENIED"\} (\d+)$/m.exec(await text)?.[1]);

test('a counter never goes back: not when a worker is busy, nor when it ends, nor when it says its last afterwards', async () => {
  const gathered = gatherMetrics(createMetrics());
  const [one, two] = [fakeWorker(() => gathered), fakeWorker(() => gathered)];
  for (const { worker } of [one, two]) gathered.added(worker);
  for (const { metrics } of [one, two]) for (let n = 0; n < 5; n++) metrics.refused('DENIED');
  expect(await count(gathered.render())).toBe(10);
  one.state.silent = true;
  one.metrics.refused('DENIED');
  const started = performance.now();
  expect(await count(gathered.render())).toBe(10);
  expect(performance.now() - started).toBeLessThan(5000);
  gathered.ended(one.worker);
  gathered.measured(one.worker, await one.metrics.snapshot());
  expect(await count(gathered.render())).toBe(10);
  const successor = fakeWorker(() => gathered);
  gathered.added(successor.worker);
  successor.metrics.refused('DENIED');
  two.metrics.refused('DENIED');
  expect(await count(gathered.render())).toBe(12);
  expect(await gathered.render()).toContain('bonded_workers_active 2\n');
});

test('scrapes that come together ask each worker once', async () => {
  const gathered = gatherMetrics(createMetrics());
  const one = fakeWorker(() => gathered);
  let asked = 0;
  const { send } = one.worker;
  one.worker.send = (message) => {
    asked++;
    send(message);
  };
  gathered.added(one.worker);
  const texts = await Promise.all(Array.from({ length: 5 }, () => gathered.render()));
  expect(asked).toBe(1);
  expect(texts.every((text) => text.includes('bonded_workers_active 1\n'))).toBe(true);
});

test('of many workers that have ended, everything they counted stays', async () => {
  const gathered = gatherMetrics(createMetrics());
  for (let n = 1; n <= 20; n++) {
    const one = fakeWorker(() => gathered);
    gathered.added(one.worker);
    one.metrics.refused('DENIED');
    expect(await count(gathered.render())).toBe(n);
    gathered.ended(one.worker);
    if (n % 3 === 0) expect(await count(gathered.render())).toBe(n);
  }
});

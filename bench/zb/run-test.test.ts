import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { startTestProcess } from '../../test/support/server.ts';
import { readZbOptions } from './options.ts';
import { print } from './print.ts';
import { type Images, imageWith, runTest } from './run-test.ts';
import { sparseBlob } from './sizes.ts';
import { summaryOf } from './summary.ts';
import { tests } from './tests.ts';

// Whatever the name says, one MiB: what is tested is the order of requests.
const image = imageWith(sparseBlob(1024 ** 2));
const images: Images = { '1MB': image, '10MB': image, '100MB': image };

function testOf(name: string) {
  return tests.find((one) => one.name === name)!;
}

test('every kind of test succeeds against a server, is counted, and leaves nothing', async () => {
  await using server = await startTestProcess({ database: '' });
  const options = readZbOptions(['-c', '3', '-n', '7', '-r', 'zb', server.url]);
  for (const name of ['Get Catalog', 'Push Monolith 1MB', 'Push Chunk Streamed 1MB', 'Pull 1MB']) {
    const run = await runTest(testOf(name), images, options);
    const summary = summaryOf(run);
    expect(summary).toMatchObject({ name, requests: 6, failed: 0, statuses: { '2xx': 6 }, cleaned: true });
    expect(Object.keys(summary.firstBytes)).toHaveLength(name.startsWith('Pull') ? 4 : 0);
    expect(print(summary)).toContain('Complete requests:        6\n');
    expect(summary.latencies.min).toBeGreaterThan(0);
    expect(summary.latencies.p99).toBe(summary.latencies.max);
  }
  const listed = (await (await fetch(`${server.url}/v2/_catalog`)).json()) as { repositories: string[] };
  for (const name of listed.repositories) {
    const response = await fetch(`${server.url}/v2/${name}/tags/list`);
    expect((await response.json()) as object).toMatchObject({ tags: [] });
  }
});

test('what a registry refuses is a failed request with its status, not an end', async () => {
  using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response('no', { status: 503 }) });
  const options = readZbOptions(['-c', '2', '-n', '4', server.url.href]);
  const summary = summaryOf(await runTest(testOf('Push Monolith 1MB'), images, options));
  expect(summary).toMatchObject({ requests: 4, failed: 4, statuses: { '5xx': 4 }, cleaned: false, mibPerSecond: 0 });
  expect(summary.errors).toEqual({ 'POST of an upload was answered with 503': 4 });
});

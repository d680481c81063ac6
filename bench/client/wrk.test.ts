import { expect, test } from 'bun:test';
import { readWrk } from './wrk.ts';

const output = `Running 3s test @ http://127.0.0.1:1/x
  2 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.21ms    0.90ms  20.11ms   90.01%
  Latency Distribution
     50%    1.06ms
     99%    2.88ms
  156411 requests in 3.00s, 100.00MB read
Requests/sec:  52137.20
`;

test('rate and 99th percentile are read, in milliseconds whatever wrk chose', () => {
  expect(readWrk(output)).toEqual({ rate: 52137.2, p99: 2.88 });
  expect(readWrk(output.replace('2.88ms', '880.00us')).p99).toBeCloseTo(0.88);
  expect(readWrk(output.replace('2.88ms', '1.50s')).p99).toBe(1500);
});

test('answers that are no success, and lost connections, are no figures', () => {
  expect(() => readWrk(`  Non-2xx or 3xx responses: 4\n${output}`)).toThrow('Non-2xx');
  expect(() => readWrk(`  Socket errors: connect 0, read 3, write 0, timeout 0\n${output}`)).toThrow('read 3');
  expect(() => readWrk('')).toThrow('no figures');
});

import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { fetch } from '../http/fetch.ts';
import { makeImage, pushBlob, pushImage, randomBytes } from '../http/registry.ts';
import { inherited } from '../support/credentials.ts';
import { s3Environment } from '../support/s3.ts';
import { startTestProcess } from '../support/server.ts';
import { s3Settings } from '../support/storage.ts';
import type { Counts } from './slow-clients.ts';

const readers = 500;
const writers = 200;
const seconds = Number(process.env['BONDED_TEST_SLOW_SECONDS'] ?? 12);

/** Most MiB in memory, also in the second in which all seven hundred clients come: 163 to 181 of S3 and PostgreSQL. */
const bound = 200;

/** Of a process (MiB): the most that it ever had in memory, what it has now, and what of that is its own. */
async function memoryOf(pid: number): Promise<{ peak: number; now: number; own: number }> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1]) / 1024;
  return { peak: figure('VmHWM'), now: figure('VmRSS'), own: figure('RssAnon') };
}

async function* countsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Counts> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Counts;
  }
}

const onS3 = async () => ({ settings: await s3Settings(), environment: s3Environment });

const onFiles = async () => ({});
const onLinux = process.platform === 'linux';
const haveS3 = process.env['CI'] === 'true' || (Bun.which('versitygw') !== null && Bun.which('setpriv') !== null);

describe.each([
  ['files', onFiles, onLinux],
  ['S3', onS3, onLinux && haveS3],
] as const)('slow clients of content in %s', (store, options, able) => {
  const title = 'hundreds of them cost little memory, and others are served meanwhile';
  test.skipIf(!able)(title, () => measure(store, options), 180_000);
});

async function measure(store: 'files' | 'S3', options: typeof onFiles | typeof onS3): Promise<void> {
  await using server = await startTestProcess(await options());
  const big = await pushBlob(server.url, 'slow', randomBytes(64 * 1024 * 1024));
  const program = join(import.meta.dir, 'slow-clients.ts');
  const clients = Bun.spawn([process.execPath, program, server.url, 'slow', big, `${readers}`, `${writers}`], {
    env: { ...process.env, ...inherited() },
    stdin: 'pipe',
    stdout: 'pipe',
  });
  let counts: Counts | undefined;
  const counting = (async () => {
    for await (const next of countsOf(clients.stdout)) counts = next;
  })();
  const times: number[] = [];
  try {
    for (const until = Date.now() + 45_000; (counts?.connected ?? 0) < readers + writers; await Bun.sleep(50)) {
      if (Date.now() > until) throw new Error(`not all are connected: ${JSON.stringify(counts)}`);
    }
    for (const until = Date.now() + seconds * 1000; Date.now() < until; await Bun.sleep(100)) {
      const began = performance.now();
      const image = await pushImage(server.url, 'team/app', 'latest', makeImage(randomBytes(200_000)));
      const pulled = await fetch(`${server.url}/v2/team/app/blobs/${image.layerDigest}`);
      expect(await pulled.bytes()).toEqual(image.layer);
      times.push(performance.now() - began);
    }
  } finally {
    await clients.stdin.end();
    await clients.exited;
    await counting;
  }
  expect(counts).toMatchObject({ connected: readers + writers, answered: readers, refused: 0, ended: 0 });
  // All move, at about their rates.
  expect(counts!.read).toBeGreaterThan(readers * 64 * 1024);
  expect(counts!.written).toBeGreaterThan(writers * 32 * 1024 * (seconds / 4));
  const median = times.toSorted((a, b) => a - b)[times.length >> 1]!;
  const { peak, now, own } = await memoryOf(server.process.pid);
  console.log(
    `${store}: ${peak | 0} MiB at most, ${now | 0} at the end, ${own | 0} of it its own; others waited ${median | 0} ms`,
  );
  // The S3 server shares the processors with them, and reads for all.
  expect(median).toBeLessThan(store === 'S3' ? 30_000 : 2000);
  expect(peak).toBeLessThan(bound);
}

import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { Database as Sqlite } from 'bun:sqlite';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WriterReport, WriterSettings } from '../../test/support/database-writer.ts';
import { grantWriteToken } from './write-token.ts';

const program = join(import.meta.dir, '../../test/support/database-writer.ts');

let directory: string;
let children: Bun.Subprocess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-token-'));
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => child.exited));
  children = [];
  await rm(directory, { recursive: true, force: true });
});

const path = () => join(directory, 'bonded.db');

interface Writer {
  child: Bun.Subprocess;
  /** The next thing that it says. */
  hear<T>(): Promise<T>;
}

function start(receive: ReturnType<typeof grantWriteToken>, command: string[]): Writer {
  const heard: unknown[] = [];
  let wake = () => {};
  const child = Bun.spawn([process.execPath, ...command], {
    stdio: ['ignore', 'inherit', 'inherit'],
    ipc(message, from) {
      if (receive(message, from)) return;
      heard.push((message as { writer: unknown }).writer);
      wake();
    },
  });
  children.push(child);
  return {
    child,
    async hear<T>() {
      while (heard.length === 0) {
        const ended = child.exited.then((code) => Promise.reject(new Error(`the writer ended with ${code}`)));
        await Promise.race([new Promise<void>((resolve) => (wake = resolve)), ended]);
      }
      return heard.shift() as T;
    },
  };
}

async function startWriters(count: number, settings: Omit<WriterSettings, 'process'>): Promise<Writer[]> {
  const receive = grantWriteToken();
  const writers = Array.from({ length: count }, (_, index) =>
    start(receive, [program, path(), JSON.stringify({ process: index, ...settings })]),
  );
  for (const writer of writers) expect(await writer.hear<string>()).toBe('ready');
  for (const { child } of writers) child.send('go');
  return writers;
}

function stop(writers: Writer[]): Promise<WriterReport[]> {
  for (const { child } of writers) child.send('stop');
  return Promise.all(writers.map((writer) => writer.hear<WriterReport>()));
}

function rows(where = '1 = 1'): number {
  const db = new Sqlite(path(), { readonly: true });
  try {
    return (db.query(`SELECT count(*) AS n FROM written WHERE ${where}`).get() as { n: number }).n;
  } finally {
    db.close();
  }
}

describe('four processes write through one file', () => {
  const seconds = 3;

  async function measure(syncDelayMs: number): Promise<{ fair: boolean; responsive: boolean; text: string }> {
    const writers = await startWriters(4, { concurrency: 32, syncDelayMs });
    await Bun.sleep(seconds * 1000);
    const reports = await stop(writers);
    await Promise.all(children.map((child) => child.exited));
    const total = reports.reduce((sum, report) => sum + report.acknowledged, 0);
    expect(rows()).toBe(total);
    const shares = reports.map((report) => report.acknowledged / total);
    const lags = reports.map((report) => report.lagP99);
    await Promise.all(['', '-wal', '-shm'].map((suffix) => rm(path() + suffix, { force: true })));
    return {
      fair: Math.min(...shares) >= 0.15,
      responsive: Math.max(...lags) < 20,
      text:
        `${syncDelayMs} ms added to a sync: ${Math.round(total / seconds)} writes/s, shares ` +
        `${shares.map((share) => `${Math.round(share * 100)} %`).join(' ')}, loop lag p99 ` +
        `${lags.map((lag) => lag.toFixed(1)).join(' ')} ms, max ` +
        `${Math.max(...reports.map((report) => report.lagMax)).toFixed(1)} ms`,
    };
  }

  for (const syncDelayMs of [0, 5]) {
    test(`evenly, without stalling an event loop, losing nothing (${syncDelayMs} ms added to each sync)`, async () => {
      let result = await measure(syncDelayMs);
      console.log(result.text);
      if (!result.fair || !result.responsive) {
        console.log('measured once more: other programs may have used the processors');
        result = await measure(syncDelayMs);
        console.log(result.text);
      }
      expect(result).toMatchObject({ fair: true, responsive: true });
    }, 30_000);
  }
});

test('a process that is killed while it writes does not stall the others', async () => {
  const writers = await startWriters(4, { concurrency: 8, syncDelayMs: 0 });
  await Bun.sleep(300);
  const [killed, ...others] = writers as [Writer, ...Writer[]];
  killed.child.send('progress');
  const before = await killed.hear<number>();
  killed.child.kill('SIGKILL');
  await killed.child.exited;
  const progress = () =>
    Promise.all(
      others.map(({ child, hear }) => {
        child.send('progress');
        return hear<number>();
      }),
    );
  const atKill = await progress();
  await Bun.sleep(500);
  for (const [index, count] of (await progress()).entries()) expect(count).toBeGreaterThan(atKill[index]! + 20);
  const reports = await stop(others);
  await Promise.all(others.map(({ child }) => child.exited));
  expect(rows('process > 0')).toBe(reports.reduce((sum, report) => sum + report.acknowledged, 0));
  expect(rows('process = 0')).toBeGreaterThanOrEqual(before);
}, 20_000);

/** A process that speaks the protocol by hand. */
const byHand = (body: string) => [
  '-e',
  `const say = (what) => process.send({ writer: what });
   const want = (turn) => process.send({ writeToken: 'want', turn });
   const release = (turn) => process.send({ writeToken: 'release', turn });
   process.on('message', (m) => on(m));
   ${body}`,
];

test('a process that is killed while it holds the token and an open transaction frees both', async () => {
  const db = new Sqlite(path());
  db.run('PRAGMA journal_mode=WAL');
  db.run('CREATE TABLE written (n INTEGER)');
  const receive = grantWriteToken();
  const holding = (n: number) =>
    byHand(`
      const { Database } = require('bun:sqlite');
      const db = new Database(${JSON.stringify(path())});
      function on() {
        db.run('PRAGMA busy_timeout=0');
        db.run('BEGIN IMMEDIATE');
        db.run('INSERT INTO written VALUES (${n})');
        if (${n} > 1) { db.run('COMMIT'); release(1); }
        say('written');
      }
      want(1);`);
  const first = start(receive, holding(1));
  expect(await first.hear<string>()).toBe('written');
  const second = start(receive, holding(2));
  const third = start(receive, holding(3));
  const early = await Promise.race([second.hear<string>(), third.hear<string>(), Bun.sleep(500).then(() => 'nobody')]);
  expect(early).toBe('nobody');
  first.child.kill('SIGKILL');
  await Promise.all([Bun.sleep(0), second.child.exited.catch(() => {}), Bun.sleep(500)].slice(0, 1));
  while (rows() < 2) await Bun.sleep(10);
  expect(rows('n = 1')).toBe(0);
  db.close();
}, 10_000);

test('the token is granted in the order in which it was wanted', async () => {
  const receive = grantWriteToken();
  const order: number[] = [];
  const writer = (n: number) =>
    start(receive, byHand(`function on(m) { m === 'want' ? want(1) : m === 'give' ? release(1) : say(${n}); }; say('up');`));
  const writers = [writer(0), writer(1), writer(2), writer(3)];
  for (const each of writers) await each.hear();
  for (const n of [2, 0, 3, 1]) {
    writers[n]!.child.send('want');
    await Bun.sleep(50);
  }
  for (const n of [2, 0, 3, 1]) {
    order.push(await writers[n]!.hear<number>());
    for (const other of writers.filter((_, index) => !order.includes(index))) {
      expect(await Promise.race([other.hear().then(() => 'early'), Bun.sleep(20).then(() => 'waiting')])).toBe('waiting');
    }
    writers[n]!.child.send('give');
  }
  expect(order).toEqual([2, 0, 3, 1]);
}, 10_000);

import { describe, expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startTestProcess, type StartOptions } from '../support/server.ts';
import { contentOf, createClient, imageOf } from './client.ts';
import { findExchange, type Kind, orderFaults, untraceable } from './durable-order.ts';
import { type Call, parseTrace } from './trace.ts';

const traced = [
  'fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat',
  'write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendfile,copy_file_range,read,recvfrom,recvmsg',
  '?io_uring_setup,?io_uring_enter,?io_submit',
].join(',');

/** In CI a missing tracer is a failure, elsewhere a reason to leave the tests out. */
const able =
  Bun.spawnSync(['sh', '-c', 'exec strace -f -o /dev/null true']).exitCode === 0 || process.env['CI'] === 'true';

/** Stands for the write-ahead log among the tracer's arguments. */
const logPath = '<log>';

interface TracedServer extends AsyncDisposable {
  url: string;
  data: string;
  /** Ends the server and reads all that it did. */
  calls(): Promise<Call[]>;
}

async function startTraced(options: StartOptions & { inject?: string[] } = {}): Promise<TracedServer> {
  await using stack = new AsyncDisposableStack();
  const home = await realpath(await mkdtemp(join(tmpdir(), 'bonded-strace-')));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const file = join(home, 'trace');
  const server = stack.use(
    await startTestProcess({
      data: join(home, 'data'),
      // The write-ahead log that is watched is SQLite's.
      database: '',
      settings: { 'gc.interval': '1h', ...options.settings },
      // -D: the server is our own child, so that signals reach it and the tracer ends with it.
      command: ['strace', '-D', '-f', '-ttt', '-yy', '-s', '128', '-o', file, '-e', `trace=${traced}`].concat(
        options.inject?.map((word) => word.replace(logPath, join(home, 'data', 'bonded.db-wal'))) ?? [],
      ),
    }),
  );
  const owned = stack.move();
  return {
    url: server.url,
    data: server.data,
    async calls() {
      await server.end('SIGTERM');
      const ended = new RegExp(String.raw`^${server.process.pid} .*\+\+\+ `, 'm');
      for (let tries = 0; tries < 200; tries++) {
        const text = await Bun.file(file).text();
        if (ended.test(text)) return parseTrace(text);
        await Bun.sleep(20);
      }
      throw new Error('the trace has no end');
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const sessionOf = (location: string) => location.slice(location.lastIndexOf('/') + 1);

interface Expected {
  what: string;
  line: string;
  status: number;
  kind: Kind;
  upload?: string;
}

/** Pushes an image by each way that there is, one request after the other, and says what each must have done. */
async function pushEveryWay(url: string, repository: string): Promise<Expected[]> {
  const client = createClient(url);
  const expected: Expected[] = [];
  const begin = async () => (await client.startUpload(repository)).headers.get('location')!;

  const whole = contentOf(randomBytes(300_000));
  const first = await begin();
  expect((await client.finish(first, whole.digest, whole.bytes)).status).toBe(201);
  expected.push({ what: 'POST and PUT', line: `PUT ${first}`, status: 201, kind: 'blob', upload: sessionOf(first) });

  const streamed = contentOf(randomBytes(700_000));
  const second = await begin();
  expect((await client.patch(second, streamed.bytes)).status).toBe(202);
  expect((await client.finish(second, streamed.digest)).status).toBe(201);
  const upload = sessionOf(second);
  expected.push({ what: 'PATCH', line: `PATCH ${second}`, status: 202, kind: 'offset', upload });
  expected.push({ what: 'PUT without a body', line: `PUT ${second}`, status: 201, kind: 'blob', upload });

  const image = imageOf([whole, streamed]);
  expect((await client.putManifest(repository, 'latest', image.bytes)).status).toBe(201);
  const line = `PUT /v2/${repository}/manifests/latest`;
  expected.push({ what: 'manifest', line, status: 201, kind: 'manifest' });
  return expected;
}

describe.skipIf(!able)(able ? 'a traced push' : 'a traced push (left out: strace cannot trace here)', () => {
  test('lesson 54: data, directory and facts are synced, in this order, before a push is acknowledged', async () => {
    await using server = await startTraced();
    const expected = await pushEveryWay(server.url, 'traced/one');
    const { data } = server;
    const calls = await server.calls();
    expect(untraceable(calls)).toEqual([]);
    for (const { what, line, status, kind, upload } of expected) {
      const exchange = findExchange(calls, line);
      expect(exchange, what).toBeDefined();
      expect(exchange!.status, what).toBe(status);
      expect(orderFaults(calls, data, exchange!, { kind, ...(upload && { upload }) }), what).toEqual([]);
      // The same calls in a wrong order, or one of them left out, are found out.
      expect(missedFaults(calls, data, line, kind, upload), what).toEqual([]);
    }
  });

  test('keeps the order of each push while others share its syncs', async () => {
    await using server = await startTraced();
    const pushers = Array.from({ length: 6 }, (_, index) => pushEveryWay(server.url, `traced/many${index}`));
    const expected = (await Promise.all(pushers)).flat();
    const { data } = server;
    const calls = await server.calls();
    for (const { what, line, kind, upload } of expected) {
      const exchange = findExchange(calls, line)!;
      expect(orderFaults(calls, data, exchange, { kind, alone: false, ...(upload && { upload }) }), what).toEqual([]);
    }
  });

  test('its first start makes the entries of its own files durable before it serves', async () => {
    await using server = await startTraced();
    const { data } = server;
    const calls = await server.calls();
    const serving = calls.find((call) => call.name === 'write' && call.arguments.includes('serving'))!;
    const syncs = calls.filter((call) => call.name.endsWith('sync') && call.result === 0 && call.ended < serving.began);
    const synced = new Set(syncs.map((call) => call.subject));
    for (const directory of [dirname(data), data, join(data, 'blobs')]) expect(synced).toContain(directory);
    const wal = calls.findLast((call) => call.subject === join(data, 'bonded.db-wal') && call.ended < serving.began)!;
    const last = syncs.findLast((call) => call.subject === join(data, 'bonded.db-wal'));
    expect(last, 'the last thing that happens to the log before it serves is its sync').toBe(wal);
  });

  test('bytes are removed only after the fact that nobody needs them is durable', async () => {
    await using server = await startTraced({ settings: { 'gc.interval': '50ms', 'gc.delay': '1ms' } });
    const client = createClient(server.url);
    const blob = contentOf(randomBytes(10_000));
    expect((await client.postBlob('traced/gone', blob.digest, blob.bytes)).status).toBe(201);
    const { data } = server;
    const hex = blob.digest.slice('sha256:'.length);
    const kept = () => [...new Bun.Glob(`blobs/sha256/*/${hex}-*`).scanSync(data)].length;
    for (let tries = 0; tries < 200 && kept() > 0; tries++) await Bun.sleep(20);
    expect(kept()).toBe(0);
    const calls = await server.calls();
    const removal = calls.find((call) => call.name.startsWith('unlink') && call.subject.includes(`/${hex}-`))!;
    const wal = join(data, 'bonded.db-wal');
    const before = calls.filter((call) => call.subject === wal && call.ended < removal.began);
    expect(before.at(-1)!.name).toBe('fdatasync');
  });
});

describe.skipIf(!able)(able ? 'a disk that fails' : 'a disk that fails (left out: strace cannot trace here)', () => {
  async function pushSmall(url: string, count: number): Promise<number[]> {
    const client = createClient(url);
    const statuses: number[] = [];
    for (let pushed = 0; pushed < count; pushed++) {
      const blob = contentOf(randomBytes(1000));
      const answer = await client.postBlob('traced/broken', blob.digest, blob.bytes).catch(() => undefined);
      if (!answer) break;
      statuses.push(answer.status);
    }
    return statuses;
  }

  test('is never answered with success', async () => {
    // Each thread counts for itself; from here on all its syncs fail as a worn disk makes them fail.
    await using server = await startTraced({ inject: ['-e', 'inject=fsync,fdatasync:error=EIO:when=40+'] });
    const statuses = await pushSmall(server.url, 200);
    const broken = statuses.findIndex((status) => status !== 201);
    expect(broken).toBeGreaterThan(0);
    expect(statuses.at(-1)).toBeGreaterThanOrEqual(500);
    // Once no thread can sync any more.
    expect(statuses.slice(-50).filter((status) => status < 500)).toEqual([]);
  });

  test('once is enough: after a failed sync of the log nothing is acknowledged until a restart', async () => {
    // Linux reports a failed write-back to one fsync only; the next one succeeds, although the pages are lost. Each
    // thread counts for itself, and one of them may do all syncs of the start.
    await using server = await startTraced({ inject: ['-P', logPath, '-e', 'inject=fdatasync:error=EIO:when=20'] });
    const statuses = await pushSmall(server.url, 200);
    const broken = statuses.findIndex((status) => status !== 201);
    expect(broken).toBeGreaterThan(0);
    expect(statuses.slice(broken).filter((status) => status < 500)).toEqual([]);
  });
});

/** Leaves out each sync, write and rename that an exchange rests on, and then delays each: what the rules did not notice. */
function missedFaults(calls: readonly Call[], data: string, line: string, kind: Kind, upload = ''): string[] {
  const { request, answer } = findExchange(calls, line)!;
  // Background work writes too: of the syncs of the log, an answer rests on the last.
  const wal = join(data, 'bonded.db-wal');
  const isLog = (call: Call) => call.subject === wal && /sync/.test(call.name);
  const log = calls.findLast((call) => isLog(call) && call.ended < answer.began);
  const folder = join(data, { blob: 'blobs', offset: 'uploads', manifest: 'bonded.db-wal' }[kind]);
  const rests = calls.filter(
    (call) =>
      (upload !== '' && call.subject.endsWith(upload) && /sync|rename/.test(call.name)) ||
      (call.began > request.ended &&
        /sync/.test(call.name) &&
        (isLog(call) ? call === log : call.subject.startsWith(folder))),
  );
  const faultsIn = (changed: readonly Call[]) => {
    const exchange = findExchange(changed, line);
    return exchange ? orderFaults(changed, data, exchange, { kind, upload }) : ['no answer'];
  };
  const missed: string[] = [];
  // Staged bytes that an earlier request of the session synced are synced already: both syncs are one.
  const stages = (call: Call) => upload !== '' && call.subject.endsWith(upload) && call.name.includes('sync');
  for (const call of rests) {
    // What comes after the answer is another request's.
    if (call.ended > answer.began) continue;
    const hurt = (other: Call) => other === call || (stages(call) && stages(other));
    const others = calls.filter((other) => !hurt(other));
    const late = calls.filter(hurt).map((other) => ({ ...other, began: answer.ended, ended: answer.ended }));
    if (faultsIn(others).length === 0) missed.push(`${call.name} left out`);
    if (faultsIn([...others, ...late]).length === 0) missed.push(`${call.name} after the answer`);
    if (faultsIn(calls.map((other) => (hurt(other) ? { ...other, result: -1 } : other))).length === 0)
      missed.push(`${call.name} failed`);
  }
  return rests.length === 0 ? ['nothing to leave out'] : missed;
}

describe('the rules', () => {
  const trace = (...lines: string[]) => parseTrace(lines.map((line) => `1 1.0 ${line}`).join('\n'));
  const request = 'recvfrom(9<TCP:[a->b]>, "PATCH /v2/a/blobs/uploads/u HTTP/1.1"..., 99, 0, NULL, NULL) = 40';
  const bytes = 'pwrite64(8</d/uploads/u>, "x"..., 10, 0) = 10';
  const sync = 'fdatasync(8</d/uploads/u>) = 0';
  const named = 'fsync(5</d/uploads>) = 0';
  const fact = 'pwrite64(7</d/bonded.db-wal>, "x"..., 10, 0) = 10';
  const wal = 'fdatasync(6</d/bonded.db-wal>) = 0';
  const answer = 'sendto(9<TCP:[a->b]>, "HTTP/1.1 202 Accepted"..., 20, 0, NULL, 0) = 20';
  const faults = (...lines: string[]) => {
    const calls = trace(...lines);
    return orderFaults(calls, '/d', findExchange(calls, 'PATCH /v2/a/blobs')!, { kind: 'offset', upload: 'u' });
  };

  test('accept the right order and no other', () => {
    expect(faults(request, bytes, sync, named, fact, wal, answer)).toEqual([]);
    expect(faults(request, bytes, named, fact, wal, sync, answer)).toEqual(['no sync of the staging file in time']);
    expect(faults(request, bytes, sync, named, wal, fact, answer)).toEqual(['no write of the fact in time']);
    expect(faults(request, bytes, sync, named, fact, answer, wal)).toEqual(['no sync of the write-ahead log in time']);
    expect(faults(request, sync, bytes, named, fact, wal, answer)).toEqual([
      'staged bytes were written after their sync',
    ]);
    expect(faults(request, bytes, sync, named, fact, wal, fact, answer)).toEqual([
      'facts were written after their sync',
    ]);
    expect(faults(fact, wal, request, bytes, sync, named, answer)).not.toEqual([]);
    const failed = sync.replace('= 0', '= -1 EIO (Input/output error)');
    expect(faults(request, bytes, failed, named, fact, wal, answer)).toEqual(['no sync of the staging file in time']);
    expect(faults(request, bytes, sync, fact, wal, answer)).toEqual(['no sync of the directory in time']);
    const made = 'mkdir("/d/uploads", 0700) = 0';
    const unnamed = ['the entry of the directory itself was not synced'];
    expect(faults(made, request, bytes, sync, named, fact, wal, answer)).toEqual(unnamed);
    expect(faults(made, 'fsync(5</d>) = 0', request, bytes, sync, named, fact, wal, answer)).toEqual([]);
  });

  test('see that a sync which is under way is not done', () => {
    const under = parseTrace(
      [
        '1 1.0 fdatasync(6</d/bonded.db-wal> <unfinished ...>',
        '2 1.1 write(4<anon_inode:[eventfd]>, "1", 8 <unfinished ...>',
        '1 1.2 <... fdatasync resumed>) = 0',
        '2 1.3 <... write resumed>) = 8',
      ].join('\n'),
    );
    expect(under.map(({ name, began, ended, result }) => [name, began, ended, result])).toEqual([
      ['fdatasync', 0, 2, 0],
      ['write', 1, 3, 8],
    ]);
    const half = wal.replace(') = 0', ' <unfinished ...>');
    const calls = parseTrace(
      [request, bytes, sync, named, fact, half, answer]
        .map((line, at) => `${at === 6 ? 2 : 1} 1.0 ${line}`)
        .join('\n') + '\n1 1.0 <... fdatasync resumed>) = 0',
    );
    const exchange = findExchange(calls, 'PATCH /v2/a/blobs')!;
    expect(orderFaults(calls, '/d', exchange, { kind: 'offset', upload: 'u' })).toEqual([
      'no sync of the write-ahead log in time',
    ]);
  });
});

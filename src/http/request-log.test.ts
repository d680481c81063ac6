import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { asOperator, openRaw, portOf, requestText } from '../../test/http/raw.ts';
import { errorOf, pushImage, putManifest } from '../../test/http/registry.ts';
import { credentialsFor } from '../../test/support/credentials.ts';
import { startTestProcess, type TestProcess } from '../../test/support/server.ts';
import { publicWay } from '../exchange/index.ts';
import { createLog, createMetrics } from '../telemetry/index.ts';
import { recordOutcome } from './request-log.ts';

/* The log of a process is its output: one JSON object a line. */

interface LogRecord {
  level: string;
  msg: string;
  requestId?: string;
  code?: string;
  [field: string]: unknown;
}

let server: TestProcess;
const secret = 'swordfish-0123456789';
const records = (): LogRecord[] =>
  server
    .output()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogRecord);

async function recordOf(requestId: string | null): Promise<LogRecord[]> {
  const until = Date.now() + 3000;
  for (;;) {
    // What the audit says of it is a record of its own.
    const found = records().filter((record) => record.requestId === requestId && record['audit'] !== true);
    if (found.length > 0 || Date.now() > until) return found;
    await Bun.sleep(5);
  }
}

beforeAll(async () => {
  server = await startTestProcess({ settings: { 'log.level': 'debug' } });
});
afterAll(() => server[Symbol.asyncDispose]());

test.each([
  ['GET', '/v2/A/manifests/b', {}, 'NAME_INVALID', 'info'],
  ['GET', '/v2/a/manifests/latest', {}, 'NAME_UNKNOWN', 'info'],
  ['HEAD', '/v2/a/manifests/latest', {}, 'NAME_UNKNOWN', 'debug'],
  ['GET', '/nothing', {}, 'NOT_FOUND', 'info'],
  ['POST', '/v2/', {}, 'UNSUPPORTED', 'info'],
  ['GET', '/v2/', { Origin: 'https://evil.example' }, 'DENIED', 'info'],
  ['HEAD', '/v2/a/blobs/x', {}, 'DIGEST_INVALID', 'info'],
])(
  '%s %s is logged once, with code, reason and the request id of the answer',
  async (method, path, headers, code, level) => {
    const answer = await fetch(`${server.url}${path}`, {
      method,
      headers: { 'User-Agent': 'a test', ...headers } as Record<string, string>,
    });
    const requestId = answer.headers.get('x-request-id');
    if (method !== 'HEAD') expect((await errorOf(answer)).detail.requestId).toBe(requestId!);
    const found = await recordOf(requestId);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      level,
      code,
      method,
      path,
      status: answer.status,
      address: '127.0.0.1',
      client: 'a test',
    });
    expect(found[0]!['reason']).toBeString();
    expect(found[0]!['ms']).toBeNumber();
  },
);

test('what is served is logged too, pushes as info and reads as debug', async () => {
  const image = await pushImage(server.url, 'log', 'latest');
  const pushed = await putManifest(server.url, 'log', 'again', image.text);
  const read = await fetch(`${server.url}/v2/log/manifests/again`);
  expect((await recordOf(pushed.headers.get('x-request-id')))[0]).toMatchObject({
    level: 'info',
    msg: 'served',
    status: 201,
  });
  expect((await recordOf(read.headers.get('x-request-id')))[0]).toMatchObject({
    level: 'debug',
    msg: 'served',
    status: 200,
  });
});

test('an upload that its client drops is logged with the address, which is gone by then', async () => {
  const opened = await fetch(`${server.url}/v2/log/blobs/uploads/`, { method: 'POST' });
  const path = opened.headers.get('location')!;
  using connection = await openRaw(portOf(server.url));
  connection.socket.write(
    `${asOperator(server.url, requestText('PATCH', path, ['Host: localhost', 'Content-Length: 10']))}hello`,
  );
  await Bun.sleep(100);
  connection.socket.destroy();
  const dropped = () => records().find((record) => record.method === 'PATCH' && record.path === path);
  for (let tries = 0; tries < 2000 && !dropped(); tries++) await Bun.sleep(10);
  expect(dropped()).toMatchObject({ code: 'BLOB_UPLOAD_INVALID', address: '127.0.0.1' });
});

test('no header or query value that may be a secret is in the log', async () => {
  const own = { Cookie: secret, 'Proxy-Authorization': secret };
  const basic = btoa(`user:${secret}`);
  // Of the operator, whose requests get further; and of one whom nobody knows.
  for (const headers of [own, { ...own, Authorization: `Basic ${basic}` }]) {
    const answers = await Promise.all([
      fetch(`${server.url}/v2/log/manifests/latest?token=${secret}`, { headers }),
      fetch(`${server.url}/v2/A/manifests/latest?token=${secret}`, { headers }),
      fetch(`${server.url}/v2/log/blobs/uploads/?digest=sha256:${secret}`, { method: 'POST', headers }),
    ]);
    for (const answer of answers) expect(await recordOf(answer.headers.get('x-request-id'))).toHaveLength(1);
  }
  const { password, authorization } = credentialsFor(server.url);
  for (const hidden of [secret, basic, password, authorization.split(' ')[1]!]) {
    expect(server.output()).not.toContain(hidden);
  }
});

test('a long path or client is cut, and nothing in them can begin a line', async () => {
  const answer = await fetch(`${server.url}/v2/${'a'.repeat(5000)}%0A{}/manifests/b`, {
    headers: { 'User-Agent': 'x'.repeat(5000) },
  });
  const [record] = await recordOf(answer.headers.get('x-request-id'));
  expect((record!['path'] as string).length).toBe(512);
  expect((record!['client'] as string).length).toBe(200);
});

test('the cause of a lack is told to its end', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json' }, false, (line) => void lines.push(line));
  const cause = new Error('the transaction is aborted', { cause: new Error('no space', { cause: 'text' }) });
  const request = new Request('http://127.0.0.1/');
  const exchange = { request, method: 'PUT', path: '/', query: '', registryId: 0, requestId: 'r', route: 'none' };
  recordOutcome(log, createMetrics(), {
    exchange: {
      ...exchange,
      origin: () => 'http://localhost',
      bytes: async () => new Uint8Array(),
      address: () => '127.0.0.1',
      way: () => publicWay,
      isLocal: () => true,
      atDataEndpoint: false,
      untimed: () => {},
    },
    status: 507,
    elapsedMs: 1,
    error: undefined,
    cause,
  });
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: 'warn', cause: 'the transaction is aborted: no space: text' });
});

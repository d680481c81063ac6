import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectCaller } from './direct.ts';
import { openTlsServer } from './test-servers.double.ts';

let directory: string;
let server: Bun.Server<undefined>;
let origin: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-direct-'));
  server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      if (pathname === '/away') return new Response(null, { status: 307, headers: { location: `${origin}/echo` } });
      if (pathname === '/large') return new Response('x'.repeat(1024 * 1024 + 1));
      if (pathname === '/silent') await Bun.sleep(5000);
      const headers = Object.fromEntries(request.headers);
      return Response.json({ method: request.method, body: await request.text(), headers }, { status: 201 });
    },
  });
  origin = `http://127.0.0.1:${server.port}`;
});
afterAll(async () => {
  await server.stop(true);
  await rm(directory, { recursive: true });
});

const reasonOf = (calling: Promise<unknown>) =>
  calling.then(
    () => 'answered',
    (error: { reason?: string }) => error.reason,
  );

test('it sends what it is given, and has the whole answer', async () => {
  const answer = await createDirectCaller()(`${origin}/echo`, { method: 'POST', headers: { 'x-a': 'b' }, body: 'c=d' });
  expect(answer.status).toBe(201);
  expect(await answer.json()).toMatchObject({
    method: 'POST',
    body: 'c=d',
    headers: { 'x-a': 'b', 'user-agent': 'bonded' },
  });
});

test('a redirect is an answer: nothing is sent on', async () => {
  const answer = await createDirectCaller()(`${origin}/away`, { method: 'POST', body: 'token=secret' });
  expect([answer.status, answer.headers.get('location')]).toEqual([307, `${origin}/echo`]);
});

test('what is too long, silent, nowhere or no URL has its reason', async () => {
  const call = createDirectCaller();
  expect(await reasonOf(call(`${origin}/large`))).toBe('too_large');
  expect(await reasonOf(call(`${origin}/silent`, { timeoutMs: 50 }))).toBe('timed_out');
  expect(await reasonOf(call('http://127.0.0.1:1/'))).toBe('unreachable');
  expect(await reasonOf(call('http://user:password@127.0.0.1/'))).toBe('bad_url');
  expect(await reasonOf(call('file:///etc/passwd'))).toBe('bad_url');
});

test('a certificate has to be trusted, by a file of its authority', async () => {
  await using secure = await openTlsServer(['localhost'], () => new Response('safe'));
  const url = `https://localhost:${secure.port}/`;
  expect(await reasonOf(createDirectCaller()(url))).toBe('tls_refused');
  const file = join(directory, 'ca.pem');
  await writeFile(file, await Bun.file(secure.authority).text());
  expect(await (await createDirectCaller([file])(url)).text()).toBe('safe');
  // Another name than the certificate has.
  expect(await reasonOf(createDirectCaller([file])(`https://other.localhost:${secure.port}/`))).toBe('tls_refused');
  await writeFile(file, 'no certificate');
  expect(() => createDirectCaller([file])).toThrow('has no PEM certificate');
});

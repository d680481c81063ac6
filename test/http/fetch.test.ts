import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureOperatorKey, loadOperatorVerifier } from '../../src/keys/index.ts';
import { credentialsFor, inherited, knownFront, knownServer } from '../support/credentials.ts';
import { fetch } from './fetch.ts';

/** Says who it was told that the request is from. */
const serve = () =>
  Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: ({ headers }) => new Response(headers.get('authorization') ?? 'nobody'),
  });
let known: ReturnType<typeof serve>;
let other: ReturnType<typeof serve>;
const whoAsks = async (...request: Parameters<typeof fetch>) => (await fetch(...request)).text();

let data: string;

beforeAll(async () => {
  [known, other] = [serve(), serve()];
  data = await mkdtemp(join(tmpdir(), 'bonded-data-'));
  await ensureOperatorKey(data);
  knownServer(known.url.href, data);
});
afterAll(async () => {
  await Promise.all([known.stop(true), other.stop(true)]);
  await rm(data, { recursive: true, force: true });
});

/** Whether the operator of the known server signed this, for a server at that host. */
async function isOperators(authorization: string, audience = known.url.host): Promise<boolean> {
  const token = atob(authorization.trim().replace('Basic ', '')).split(':')[1]!;
  return (await loadOperatorVerifier(data)).verify(token, { audience, nowMs: Date.now() }).ok;
}

test('a request to a server that a test has started is from the operator, and no other is', async () => {
  const { username, password, authorization } = credentialsFor(known.url.href);
  expect(authorization).toBe(`Basic ${btoa(`${username}:${password}`)}`);
  expect(await whoAsks(known.url)).toBe(authorization);
  expect(await isOperators(authorization)).toBe(true);
  expect(await whoAsks(`http://localhost:${known.port}/v2/`, { headers: { Accept: '*/*' } })).toBe(authorization);
  expect(await whoAsks(other.url)).toBe('nobody');
  expect(() => credentialsFor(other.url.href)).toThrow('no server is known at');
});

test('a server that has ended is known no more, unless another has been started there since', async () => {
  const server = serve();
  try {
    const ended = knownServer(server.url.href, data);
    const later = knownServer(server.url.href, data);
    ended[Symbol.dispose]();
    expect(await whoAsks(server.url)).toBe(credentialsFor(server.url.href).authorization);
    const again = knownFront(server.url.href, server.url.href);
    later[Symbol.dispose]();
    expect(await whoAsks(server.url)).toBe(credentialsFor(server.url.href).authorization);
    again[Symbol.dispose]();
    expect(await whoAsks(server.url)).toBe('nobody');
  } finally {
    await server.stop(true);
  }
});

test('what stands in front of servers is known while one of them is away, and no longer when it has ended itself', async () => {
  const [server, front] = [serve(), serve()];
  try {
    const away = knownServer(server.url.href, data);
    const ended = knownFront(front.url.href, server.url.href);
    away[Symbol.dispose]();
    expect(await isOperators(await whoAsks(front.url), server.url.host)).toBe(true);
    expect(await whoAsks(server.url)).toBe('nobody');
    knownServer(server.url.href, data);
    const { authorization } = credentialsFor(server.url.href);
    expect(await whoAsks(front.url)).toBe(authorization);
    ended[Symbol.dispose]();
    expect([await whoAsks(server.url), await whoAsks(front.url)]).toEqual([authorization, 'nobody']);
  } finally {
    await Promise.all([server.stop(true), front.stop(true)]);
  }
});

test('a request that says itself who it is from, or that it is from nobody, is left as it is', async () => {
  expect(await whoAsks(known.url, { headers: { authorization: 'Bearer x' } })).toBe('Bearer x');
  expect(await whoAsks(known.url, { anonymous: true })).toBe('nobody');
});

test('what stands in front of a server is known like it, and child processes know the same', async () => {
  const front = serve();
  try {
    using fronts = new DisposableStack();
    fronts.use(knownFront(front.url.href, known.url.href));
    expect(await whoAsks(front.url)).toBe(credentialsFor(known.url.href).authorization);
    const program = `
      const { fetch } = await import(${JSON.stringify(`${import.meta.dir}/fetch.ts`)});
      console.log(await (await fetch(${JSON.stringify(front.url.href)})).text());`;
    const child = Bun.spawn([process.execPath, '-e', program], {
      env: { ...process.env, ...inherited() },
      stdout: 'pipe',
    });
    // It signs one of its own.
    expect(await isOperators(await new Response(child.stdout).text())).toBe(true);
  } finally {
    await front.stop(true);
  }
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf } from '../../test/http/registry.ts';
import { managementOf } from '../../test/support/management.ts';
import { basic } from '../../test/support/people.ts';
import { startTestApp } from '../../test/support/server.ts';

type Server = Awaited<ReturnType<typeof startTestApp>>;
let server: Server;
let password: string;
beforeAll(async () => {
  server = await startTestApp({ settings: { 'throttle.failedLogins': 20, trustedProxies: '127.0.0.1' } });
  password = await managementOf(server.url).token('robot', ['repositories/app/content/read']);
});
afterAll(() => server[Symbol.asyncDispose]());

const ask = (address: string, authorization: string | undefined, path = '/v2/', init: object = {}) =>
  fetch(`${server.url}${path}`, {
    anonymous: true,
    ...init,
    headers: { 'X-Forwarded-For': address, ...(authorization !== undefined && { Authorization: authorization }) },
  });

test('who guesses passwords is refused with 429, and others are not', async () => {
  const guess = (n: number) => ask('198.51.100.1', basic('robot', `guess-${n}`));
  const statuses: number[] = [];
  for (let n = 0; n < 25; n++) statuses.push((await guess(n)).status);
  expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401));
  expect(statuses.at(-1)).toBe(429);
  const refused = await guess(26);
  expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61);
  expect(await errorOf(refused)).toMatchObject({ code: 'TOOMANYREQUESTS', detail: { category: 'authentication' } });
  // The right one would not help now, nor does another door.
  expect((await ask('198.51.100.1', basic('robot', password))).status).toBe(429);
  expect((await ask('198.51.100.1', basic('robot', password), '/oauth2/token?service=x')).status).toBe(429);
  const form = new URLSearchParams({ grant_type: 'password', service: 'x', username: 'robot', password });
  expect((await ask('198.51.100.1', undefined, '/oauth2/token', { method: 'POST', body: form })).status).toBe(429);
  expect((await ask('198.51.100.1', basic('robot', password), '/subscriptions?api-version=2022-12-01')).status).toBe(
    429,
  );
  // Who shows nothing has guessed nothing.
  expect((await ask('198.51.100.1', undefined)).status).toBe(401);
  expect((await ask('198.51.100.2', basic('robot', password))).status).toBe(200);
});

test('who is known is not kept out by others behind the same address', async () => {
  const right = basic('robot', password);
  expect((await ask('203.0.113.1', right)).status).toBe(200);
  let last = 0;
  for (let n = 0; n < 25; n++) last = (await ask('203.0.113.1', basic('robot', `x-${n}`))).status;
  expect(last).toBe(429);
  // Believed for three seconds, and no longer.
  expect((await ask('203.0.113.1', right)).status).toBe(200);
});

test('logins that fail at the token endpoint count, too', async () => {
  const grant = (n: number) => {
    const form = new URLSearchParams({ grant_type: 'password', username: 'robot', password: `x-${n}` });
    return ask('192.0.2.77', undefined, '/oauth2/token', { method: 'POST', body: form });
  };
  const statuses: number[] = [];
  for (let n = 0; n < 22; n++) statuses.push((await grant(n)).status);
  expect([statuses[0], statuses.at(-1)]).toEqual([401, 429]);
});

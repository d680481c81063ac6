import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countFacts, nothing } from '../../test/http/facts.ts';
import { asOperator, portOf, requestText, sendRaw } from '../../test/http/raw.ts';
import { startTestApp } from '../../test/support/server.ts';

/* Without identities, whoever reaches the port may push: so only registry clients on this machine may reach it. */

let server: Awaited<ReturnType<typeof startTestApp>>;
let directory: string;
const send = (method: string, target: string, ...headers: string[]) =>
  sendRaw(portOf(server.url), asOperator(server.url, requestText(method, target, headers)));

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bonded-config-'));
  const file = join(directory, 'bonded.yaml');
  await writeFile(file, 'hosts: [cache.example.com]\nregistries:\n  - name: team-a\n    hosts: [images.example.com]\n');
  server = await startTestApp({ file });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

test.each([
  'localhost',
  'localhost:5000',
  'LOCALHOST',
  '127.0.0.1',
  '10.11.12.13:5000',
  '[::1]:5000',
  '[2001:db8::1]',
  'cache.example.com',
  'default.localhost',
  'team-a.localhost',
  'images.example.com:443',
])('the host %s is served', async (host) => {
  expect((await send('GET', '/v2/', `Host: ${host}`)).status).toBe(200);
  expect((await send('GET', '/metrics', `Host: ${host}`)).status).toBe(200);
});

describe.each(['evil.example', 'localhost.evil.example', 'team-b.localhost', 'localhost.', '127-0-0-1.example'])(
  'the host %s',
  (host) => {
    test('is 403 with the name in the detail', async () => {
      const answer = await send('GET', '/v2/', `Host: ${host}`);
      expect(answer.status).toBe(403);
      const { errors } = JSON.parse(answer.body);
      expect(errors[0]).toMatchObject({ code: 'DENIED', detail: { host } });
    });

    test('is 403 for /metrics; for probes every host will do', async () => {
      expect((await send('GET', '/metrics', `Host: ${host}`)).status).toBe(403);
      expect((await send('GET', '/healthz', `Host: ${host}`)).status).toBe(200);
      expect((await send('GET', '/readyz', `Host: ${host}`)).status).toBe(200);
    });
  },
);

test.each([
  'Origin: http://localhost:5000',
  'Origin: null',
  'Origin: https://evil.example',
  'Origin:',
  'Sec-Fetch-Site: cross-site',
  'Sec-Fetch-Site: same-site',
])('"%s" is refused, whatever is asked for', async (header) => {
  for (const [method, target] of [
    ['GET', '/v2/'],
    ['POST', '/v2/a/blobs/uploads/'],
    ['DELETE', '/v2/a/manifests/latest'],
    ['GET', '/metrics'],
  ] as const) {
    const answer = await send(method, target, 'Host: localhost', header, 'Content-Length: 0');
    expect(answer.status).toBe(403);
    expect(answer.body).toContain('"code":"DENIED"');
  }
  expect(await countFacts(server.app, server.data)).toEqual(nothing);
});

test.each(['Sec-Fetch-Site: none', 'Sec-Fetch-Site: same-origin'])('"%s" is what a person typed', async (header) => {
  expect((await send('GET', '/v2/_catalog', 'Host: localhost', header)).status).toBe(200);
});

test('a preflight is answered without a word of permission', async () => {
  const answer = await send(
    'OPTIONS',
    '/v2/',
    'Host: localhost',
    'Origin: https://evil.example',
    'Access-Control-Request-Method: PUT',
  );
  expect(answer.status).toBe(405);
  expect(answer.text.toLowerCase()).not.toContain('access-control');
});

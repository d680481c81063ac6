import { afterAll, beforeAll, expect, setSystemTime, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fetch } from '../../test/http/fetch.ts';
import { pushImage } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';
import { groupScope } from '../operations/index.ts';
import { createContext } from './context.ts';
import { sessionFor } from './session.ts';
import { jwt } from '../../test/support/people.ts';
import { makeKey } from '../identity/federation/test-issuer.double.ts';
import { bonded } from '../../test/support/command.ts';
import { openCommands, runInside } from './manage/command-rig.double.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
const homes: string[] = [];
beforeAll(async () => {
  rig = await openCommands();
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await Promise.all(homes.map((home) => rm(home, { recursive: true, force: true })));
});

/** Somebody else's home, in which nothing says where the data of the server is. */
async function newHome(): Promise<Record<string, string>> {
  const home = await mkdtemp(join(tmpdir(), 'bonded-home-'));
  homes.push(home);
  return { HOME: home, BONDED_SERVER: rig.server.host };
}

async function storeToken({ HOME }: Record<string, string>, token: string): Promise<void> {
  const file = join(HOME!, '.config', 'containers', 'auth.json');
  await mkdir(dirname(file), { recursive: true });
  const auth = btoa(`00000000-0000-0000-0000-000000000000:${token}`);
  await writeFile(file, JSON.stringify({ auths: { [rig.server.host]: { auth } } }));
}

const list = ['acr', 'list', '--query', '[].name', '-o', 'tsv'];

test('whoever has logged in as the operator needs to name the data no more', async () => {
  const environment = await newHome();
  const path = `${join(environment['HOME']!, '.local', 'bin')}:${process.env['PATH']}`;
  await mkdir(join(environment['HOME']!, '.local', 'bin'), { recursive: true });
  const login = ['login', rig.server.host, '--data', rig.server.data];
  expect(await bonded(login, { ...environment, PATH: path })).toMatchObject({ code: 0, error: '' });
  expect(await runInside(list, { environment })).toEqual({ code: 0, out: 'default\n', error: '' });
  const named = { ...environment, BONDED_SERVER: 'nowhere.test' };
  expect(await runInside([...list, '--server', rig.server.host], { environment: named })).toMatchObject({ code: 0 });
});

test('a token that a login has stored for clients is good for commands, too', async () => {
  const environment = await newHome();
  const { out } = await rig.run(['login', rig.server.host, '--print-token']);
  await storeToken(environment, out.trim());
  expect(await runInside(list, { environment })).toEqual({ code: 0, out: 'default\n', error: '' });
});

test('a token that ends while something is followed is followed by another one', async () => {
  const tokens: string[] = [];
  const proxy = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const { pathname, search } = new URL(request.url);
      const authorization = request.headers.get('authorization') ?? '';
      if (pathname.startsWith('/subscriptions') && !tokens.includes(authorization)) tokens.push(authorization);
      // The first token is over as soon as something is followed.
      if (pathname.includes('/operationStatuses/') && authorization === tokens[0])
        return new Response('', { status: 401 });
      const body = await request.bytes();
      const sent = new Headers(request.headers);
      return globalThis.fetch(`${rig.server.url}${pathname}${search}`, { method: request.method, headers: sent, body });
    },
  });
  try {
    await pushImage(rig.server.url, 'team/app', 'v1');
    const words = ['acr', 'import', '--registry', 'default', '--source', 'team/app:v1', '--image', 'copy:v1'];
    const ended = await rig.run([...words, '--server', `http://127.0.0.1:${proxy.port}`, '-o', 'json']);
    expect(ended).toMatchObject({ code: 0 });
    expect(tokens).toHaveLength(2);
  } finally {
    await proxy.stop(true);
  }
});

test('somebody without rights is told which one is missing', async () => {
  const environment = await newHome();
  const key = await makeKey('people-1', 'ES256');
  const file = join(environment['HOME']!, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [key.jwk] }));
  await rig.ok(
    'issuer',
    'create',
    '-n',
    'people',
    '--issuer',
    'https://people.test',
    '--audience',
    'bonded',
    '--jwks-file',
    file,
  );
  const form = { grant_type: 'access_token', service: rig.server.host, access_token: await jwt(key, 'ada') };
  const url = `${rig.server.url}/oauth2/exchange`;
  const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(form) });
  await storeToken(environment, ((await answer.json()) as { refresh_token: string }).refresh_token);
  const refused = await runInside(list, { environment });
  expect([refused.code, refused.out]).toEqual([1, '']);
  expect(refused.error).toMatch(/^bonded: [^\n]*Microsoft\.ContainerRegistry\/registries\/read[^\n]*\n$/);
  expect(await runInside(['token', 'list'], { environment })).toEqual({
    code: 2,
    out: '',
    error: 'bonded: name the registry (--registry, or --name of a registry): you may not list which there are\n',
  });
});

const tokenUntil = (seconds: number) =>
  ['{"alg":"ES256"}', JSON.stringify({ exp: seconds }), 'x']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');

test('one that has ended is no login', async () => {
  const environment = await newHome();
  await storeToken(environment, tokenUntil(1));
  const { code, out, error } = await runInside(list, { environment });
  expect([code, out]).toEqual([1, '']);
  expect(error).toStartWith(`bonded: nothing here says to ${rig.server.host} who you are`);
});

test('one that the server does not accept is to be replaced, and is told to nobody', async () => {
  const environment = await newHome();
  const token = tokenUntil(9_999_999_999);
  await storeToken(environment, token);
  const { code, error } = await runInside(list, { environment });
  expect([code, error]).toEqual([
    1,
    `bonded: ${rig.server.host} does not accept the login for its management API any more; log in again: bonded login ` +
      `${rig.server.host}\n`,
  ]);
  expect(error).not.toContain(token);
});

test('work that takes longer than a token goes on with another, and longer than a login by logging in again', async () => {
  await using server = await startTestApp();
  const { HOME } = await newHome();
  const context = createContext(process, { HOME, BONDED_DATA: server.data });
  const { fetch: ask } = await sessionFor(context, server.host);
  const url = `${server.url}${groupScope}/providers/Microsoft.ContainerRegistry/registries?api-version=2025-11-01`;
  const statuses = async () =>
    (await Promise.all(Array.from({ length: 3 }, () => ask(url, {})))).map(({ status }) => status);
  expect(await statuses()).toEqual([200, 200, 200]);
  const begun = Date.now();
  try {
    // An access token lasts for 75 minutes, a login for three hours.
    for (const minutes of [80, 240, 1200]) {
      setSystemTime(new Date(begun + minutes * 60_000));
      expect(await statuses()).toEqual([200, 200, 200]);
    }
  } finally {
    setSystemTime();
  }
});

test('who waits for a server goes on when it has been started anew; what changes something is sent once', async () => {
  const data = await mkdtemp(join(tmpdir(), 'bonded-restart-'));
  homes.push(data);
  const first = await startTestApp({ data });
  const { HOME } = await newHome();
  const context = createContext(process, { HOME, BONDED_DATA: data });
  const { fetch: ask } = await sessionFor(context, first.host);
  const url = `${first.url}${groupScope}/providers/Microsoft.ContainerRegistry/registries?api-version=2025-11-01`;
  await first[Symbol.asyncDispose]();
  await expect(ask(url, { method: 'POST', body: '{}' })).rejects.toThrow('check that the server runs');
  const looking = ask(url, {});
  await Bun.sleep(600);
  await using _ = await startTestApp({ data, settings: { listen: first.host } });
  expect((await looking).status).toBe(200);
});

test.each([503, 429, 502, 504])(
  'who waits goes on after a server was too busy to say how far it is: %i',
  async (busy) => {
    let looks = 0;
    using server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch(request) {
        if (new URL(request.url).pathname === '/oauth2/token') return Response.json({ access_token: 't' });
        return ++looks < 3 ? new Response('{}', { status: busy, headers: { 'Retry-After': '0' } }) : Response.json({});
      },
    });
    const host = `127.0.0.1:${server.port}`;
    const { HOME } = await newHome();
    const auth = btoa(`00000000-0000-0000-0000-000000000000:${tokenUntil(9_999_999_999)}`);
    const file = join(HOME!, '.config', 'containers', 'auth.json');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, JSON.stringify({ auths: { [host]: { auth } } }));
    const { fetch: ask } = await sessionFor(createContext(process, { HOME }), host);
    expect((await ask(`http://${host}/subscriptions`, {})).status).toBe(200);
    looks = 0;
    expect((await ask(`http://${host}/subscriptions`, { method: 'POST' })).status).toBe(busy);
  },
);

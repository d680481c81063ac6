import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { program } from '../../../test/support/program.ts';
import { clientId, logInAs, openLoginProvider, resource } from '../proofs/login-provider.double.ts';
import { type Home, openHome, openServer } from './login-rig.double.ts';

let server: Awaited<ReturnType<typeof openServer>>;
let provider: Awaited<ReturnType<typeof openLoginProvider>>;
let home: Home;

beforeAll(async () => {
  provider = await openLoginProvider();
  home = await openHome();
  server = await openServer({ settings: { 'outbound.allow': 'localhost' } });
  const { issuer } = provider;
  const role = 'Container Registry Repository Catalog Lister';
  await server.trust({ name: 'people', issuer, audiences: [clientId, resource], subject: 'alice', role });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
  await provider[Symbol.asyncDispose]();
});

/** Begins a login; `said` waits for what it says to a person. */
function begin(args: readonly string[], environment: Record<string, string> = {}) {
  const child = Bun.spawn([program, 'login', server.host, ...args], {
    env: { ...home.environment, ...environment },
    cwd: join(home.home, 'work'),
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 90_000,
  });
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) text += decoder.decode(chunk, { stream: true });
  })();
  return {
    async said(pattern: RegExp): Promise<string> {
      for (const until = Date.now() + 60_000; Date.now() < until; await Bun.sleep(20)) {
        const found = pattern.exec(text)?.[1];
        if (found !== undefined) return found;
        if (child.exitCode !== null) break;
      }
      throw new Error(`it does not say that: ${text}`);
    },
    async ended() {
      const out = await new Response(child.stdout).text();
      await reading;
      return { code: await child.exited, out, error: text };
    },
  };
}

const named = () => ['--issuer', provider.issuer, '--client-id', clientId];

const catalogOf = async (token: string) => {
  const authorization = `Basic ${btoa(`00000000-0000-0000-0000-000000000000:${token}`)}`;
  return (await fetch(`${server.url}/v2/_catalog`, { headers: { authorization } })).status;
};

test('a person logs in by a code, on any device', async () => {
  const login = begin([...named(), '--method', 'device']);
  await logInAs('alice', await login.said(/or open (\S+)/));
  const { code, out } = await login.ended();
  expect(out).toContain(`Logged in to ${server.host} as alice.`);
  expect(out).toContain('nobody but you can make this login again');
  expect(code).toBe(0);
  const { auths } = await home.json('.docker/config.json');
  const { auth } = (auths as Record<string, { auth: string }>)[server.host]!;
  expect(await catalogOf(atob(auth).split(':')[1]!)).toBe(200);
  // The management API knows her by it, too: she may do nothing there.
  const managed = await home.bonded(['acr', 'show', '--name', 'default', '--server', server.host]);
  expect(managed.code).toBe(1);
  expect(managed.error).toContain('does not have');
  // The provider is known from then on, and nothing that is secret.
  expect(await home.json('.config/bonded/logins.json')).toEqual({
    providers: { [server.host]: { issuer: provider.issuer, clientId } },
  });
}, 120_000);

test('a person logs in in the browser of this machine, which is opened', async () => {
  const browser = join(home.home, 'browser');
  const opened = join(home.home, 'opened');
  await writeFile(browser, `#!/bin/sh\nprintf %s "$1" > ${opened}.new\nmv ${opened}.new ${opened}\n`);
  await chmod(browser, 0o755);
  const login = begin([...named(), '--print-token'], { BROWSER: browser });
  const address = await login.said(/^ {2}(http:\S+)/m);
  const url = new URL(address);
  expect(url.searchParams.get('code_challenge_method')).toBe('S256');
  const callback = url.searchParams.get('redirect_uri')!;
  // What another page sends there does not end the login.
  expect((await fetch(`${callback}?code=stolen&state=other`)).status).toBe(400);
  expect((await fetch(callback, { method: 'POST' })).status).toBe(404);
  expect(await logInAs('alice', address)).toContain('You may close this window');
  const { code, out } = await login.ended();
  expect(code).toBe(0);
  expect(await catalogOf(out.trim())).toBe(200);
  expect(await Bun.file(opened).text()).toBe(address);
}, 120_000);

test('for an API of its own the access token is what the registry gets', async () => {
  const login = begin([...named(), '--print-token', '--method', 'browser', '--audience', resource]);
  await logInAs('alice', await login.said(/^ {2}(http:\S+)/m));
  const { code, out } = await login.ended();
  expect(code).toBe(0);
  expect(await catalogOf(out.trim())).toBe(200);
}, 120_000);

test('somebody who is known and may do nothing is logged in as that', async () => {
  const login = begin([...named(), '--print-token', '--method', 'browser']);
  await logInAs('mallory', await login.said(/^ {2}(http:\S+)/m));
  const { out } = await login.ended();
  expect([401, 403]).toContain(await catalogOf(out.trim()));
}, 120_000);

test('who sits at a terminal is asked for the provider, which is remembered', async () => {
  await using own = await openHome();
  let screen = '';
  const child = Bun.spawn([program, 'login', server.host], {
    env: { ...own.environment, TERM: 'xterm' },
    cwd: join(own.home, 'work'),
    terminal: { cols: 400, rows: 40, data: (_, bytes) => void (screen += new TextDecoder().decode(bytes)) },
    timeout: 90_000,
  });
  const shows = async (pattern: RegExp) => {
    for (const until = Date.now() + 60_000; Date.now() < until; await Bun.sleep(20)) {
      const found = pattern.exec(screen);
      if (found) return found[1] ?? '';
    }
    throw new Error(`it does not show that: ${screen}`);
  };
  await shows(/Identity provider for/);
  child.terminal!.write(`${provider.issuer}\r`);
  await shows(/Client id/);
  child.terminal!.write(`${clientId}\r`);
  await logInAs('alice', await shows(/or open (\S+)/));
  await shows(/Logged in to \S+ as (alice)/);
  expect(await child.exited).toBe(0);
  const { providers } = await own.json('.config/bonded/logins.json');
  expect(providers).toEqual({ [server.host]: { issuer: provider.issuer, clientId } });
}, 120_000);

test('a login that is broken off says so', async () => {
  const login = begin([...named(), '--print-token', '--method', 'browser']);
  await logInAs('alice', await login.said(/^ {2}(http:\S+)/m), { aborts: true });
  const { code, out, error } = await login.ended();
  expect([code, out]).toEqual([1, '']);
  expect(error).toContain('the login at your identity provider did not succeed');
}, 120_000);

test('what is no provider, or not this one, is told', async () => {
  const failed = async (...args: string[]) => {
    const { code, error } = await begin(args).ended();
    expect(code).toBe(1);
    return error;
  };
  expect(await failed('--method', 'device', '--issuer', server.url, '--client-id', 'x')).toContain(
    'knows no device codes; use --method browser',
  );
  expect(await failed('--method', 'browser', '--issuer', 'http://127.0.0.1:1', '--client-id', 'x')).toContain(
    'http://127.0.0.1:1 does not answer as an identity provider: 127.0.0.1 cannot be reached',
  );
  expect(await failed('--method', 'browser', '--issuer', 'http://login.example.com', '--client-id', 'x')).toContain(
    'must begin with https://',
  );
}, 120_000);

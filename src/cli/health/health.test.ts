import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeKey } from '../../identity/federation/test-issuer.double.ts';
import { jwt } from '../../../test/support/people.ts';
import { openTlsServer } from '../../outbound/test-servers.double.ts';
import { openCommands, runInside } from '../manage/command-rig.double.ts';
import type { Finding } from './finding.ts';

let rig: Awaited<ReturnType<typeof openCommands>>;
let programs: string;
beforeAll(async () => {
  rig = await openCommands();
  programs = join(rig.home, 'programs');
});
afterAll(() => rig[Symbol.asyncDispose]());

/** The only programs on PATH, with what each does. */
async function install(scripts: Record<string, string>): Promise<void> {
  await Bun.$`rm -rf ${programs}`.quiet();
  await mkdir(programs, { recursive: true });
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
}

async function findings(words: string[] = [], environment: Record<string, string> = {}) {
  const environmentOf = { HOME: rig.home, BONDED_DATA: rig.server.data, BONDED_SERVER: rig.server.host };
  const { code, out, error } = await runInside(['acr', 'check-health', '-o', 'json', ...words], {
    environment: { ...environmentOf, PATH: programs, ...environment },
  });
  expect(error).toBe('');
  return { code, all: JSON.parse(out) as Finding[] };
}

const summary = (all: Finding[]) => all.map(({ check, outcome, code }) => [check, outcome, code]);
const withoutPrograms = (all: Finding[]) =>
  summary(all).filter(([check]) => !['docker', 'helm', 'notation'].includes(check!));

const clients = {
  docker: 'if [ "$1" = --version ]; then echo "Docker version 27.3.1, build ce12230"; else echo 27.3.1; fi',
  helm: 'echo v3.22.0+g144d8d4',
  notation: 'printf "Notation\\n\\nVersion:     1.3.0\\nGo version:  go1.23\\n"',
};

test('what is well is said, line by line, and ends with 0', async () => {
  await install(clients);
  const { code, all } = await findings(['--repository', 'team/app']);
  expect(code).toBe(0);
  expect(summary(all)).toEqual(
    [
      'docker',
      'docker daemon',
      'helm',
      'notation',
      'dns',
      'tls',
      'challenge',
      'clock',
      'server',
      'refresh token',
      'access token',
      'repository team/app',
    ].map((check) => [check, 'ok', null]),
  );
  const environment = { PATH: programs };
  const { out } = await rig.run(['acr', 'check-health', '-n', 'default', '-o', 'table'], { environment });
  const lines = out.trimEnd().split('\n');
  expect(lines).toHaveLength(11);
  expect(lines[0]).toBe('ok       docker           docker 27.3.1');
});

describe('programs', () => {
  test('that are missing, old, or do not answer are warnings, and no failure', async () => {
    await install({});
    const missing = await findings();
    expect(missing.code).toBe(0);
    expect(missing.all.slice(0, 3).map(({ outcome, code }) => [outcome, code])).toEqual([
      ['warning', 'DOCKER_COMMAND_ERROR'],
      ['warning', 'HELM_COMMAND_ERROR'],
      ['warning', 'NOTATION_COMMAND_ERROR'],
    ]);
    await install({
      docker: clients.docker.replace('echo 27.3.1', 'exit 1'),
      helm: 'echo v3.7.2+g663a896',
      notation: 'echo none',
    });
    const odd = await findings();
    expect(summary(odd.all).slice(0, 4)).toEqual([
      ['docker', 'ok', null],
      ['docker daemon', 'warning', 'DOCKER_DAEMON_ERROR'],
      ['helm', 'warning', 'HELM_VERSION_ERROR'],
      ['notation', 'warning', 'NOTATION_VERSION_ERROR'],
    ]);
    expect(odd.all[2]).toMatchObject({ message: 'helm 3.7.2 is too old', fix: 'install 3.8 or later' });
    // A helm that is made from its source does not know its last number.
    await install({ helm: 'echo v3.22' });
    expect((await findings()).all[1]).toMatchObject({ outcome: 'ok', message: 'helm 3.22' });
    await install({ docker: 'exit 127' });
    expect(summary((await findings()).all)[0]).toEqual(['docker', 'warning', 'DOCKER_VERSION_ERROR']);
  });
});

describe('the way to the registry', () => {
  const open: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
  });
  const serve = (answer: (request: Request) => Response): string => {
    const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer });
    open.push({ [Symbol.asyncDispose]: () => server.stop(true) });
    return `127.0.0.1:${server.port}`;
  };
  const challenge = (host: string, more: Record<string, string> = {}) =>
    new Response(null, {
      status: 401,
      headers: { 'WWW-Authenticate': `Bearer realm="http://${host}/oauth2/token",service="${host}"`, ...more },
    });

  test('ends at the first failure, unless the rest is wanted', async () => {
    await install(clients);
    const stopped = await findings(['--server', '127.0.0.1:1']);
    expect(stopped.code).toBe(1);
    expect(withoutPrograms(stopped.all).slice(1)).toEqual([
      ['dns', 'ok', null],
      ['tls', 'ok', null],
      ['challenge', 'failed', 'CONNECTIVITY_ERROR'],
    ]);
    const all = await findings(['--server', '127.0.0.1:1', '--ignore-errors', '--repository', 'a']);
    expect(all.code).toBe(1);
    expect(withoutPrograms(all.all).slice(4)).toEqual([
      ['server', 'skipped', null],
      ['refresh token', 'failed', 'CONNECTIVITY_REFRESH_TOKEN_ERROR'],
      ['access token', 'skipped', null],
      ['repository a', 'skipped', null],
    ]);
  });

  test('a name without an address', async () => {
    const { code, all } = await findings(['-n', 'registry.invalid']);
    expect([code, all.at(-1)!.code]).toEqual([1, 'CONNECTIVITY_DNS_ERROR']);
  });

  test('a registry that is not there', async () => {
    const { all } = await findings(['-n', 'nowhere']);
    expect(all.at(-1)).toMatchObject({
      code: 'LOGIN_SERVER_ERROR',
      message: 'there is no registry nowhere; bonded acr list shows what there is',
    });
  });

  test.each([
    ['CONNECTIVITY_FORBIDDEN_ERROR', () => new Response(null, { status: 403 })],
    ['CONNECTIVITY_TOOMANYREQUESTS_ERROR', () => new Response(null, { status: 429, headers: { 'Retry-After': '9' } })],
    ['CONNECTIVITY_CHALLENGE_ERROR', () => new Response('hello')],
    [
      'CONNECTIVITY_CHALLENGE_ERROR',
      () => new Response(null, { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } }),
    ],
  ])('%s is what /v2/ says', async (code, answer) => {
    const found = await findings(['--server', serve(answer)]);
    expect(found.code).toBe(1);
    expect(found.all.find(({ check }) => check === 'challenge')!.code as string).toBe(code);
  });

  test('a challenge that leads elsewhere, a server that is not ready, and clocks that differ', async () => {
    const at = (ms: number) => new Date(Date.now() + ms).toUTCString();
    const elsewhere = serve(() => challenge('elsewhere.test', { Date: at(60_000) }));
    const first = withoutPrograms((await findings(['--server', elsewhere])).all);
    expect(first).toContainEqual(['challenge', 'warning', 'CONNECTIVITY_CHALLENGE_ERROR']);
    expect(first).toContainEqual(['clock', 'warning', 'CLOCK_SKEW_ERROR']);
    const late: string = serve(({ url }) =>
      url.endsWith('/readyz') ? new Response('unavailable', { status: 503 }) : challenge(late, { Date: at(-600_000) }),
    );
    const second = (await findings(['--server', late, '--ignore-errors'])).all;
    expect(second.find(({ check }) => check === 'clock')).toMatchObject({
      outcome: 'failed',
      code: 'CLOCK_SKEW_ERROR',
    });
    expect(second.find(({ check }) => check === 'server')).toMatchObject({
      code: 'SERVER_NOT_READY_ERROR',
      message: 'the server is not ready: unavailable',
    });
  });

  test('a certificate that nobody here trusts, and one that ends soon', async () => {
    const secure = await openTlsServer(['localhost'], () => challenge('x'));
    open.push(secure);
    const server = `https://localhost:${secure.port}`;
    const { all } = await findings(['--server', server]);
    expect(all.at(-1)).toMatchObject({ code: 'CONNECTIVITY_SSL_ERROR', outcome: 'failed' });
    expect(all.at(-1)!.message).toContain('signed by Bonded development authority');
    const trusted = await findings(['--server', server], { SSL_CERT_FILE: secure.authority });
    const tls = trusted.all.find(({ check }) => check === 'tls');
    expect(tls).toMatchObject({ outcome: 'warning', code: 'CONNECTIVITY_SSL_ERROR', fix: 'renew it' });
    expect(tls!.message).toMatch(/is trusted, for [12] more days$/);
  });

  test('a token that is given and not accepted', async () => {
    const claims = Buffer.from('{"exp":9999999999}').toString('base64url');
    const broken: string = serve(({ url }) => {
      if (url.endsWith('/oauth2/exchange')) return Response.json({ refresh_token: `a.${claims}.c` });
      if (url.endsWith('/oauth2/token')) return Response.json({ access_token: 'a.b.c' });
      return challenge(broken);
    });
    const { code, all } = await findings(['--server', broken]);
    expect(code).toBe(1);
    expect(all.at(-1)).toMatchObject({ check: 'access token', code: 'CONNECTIVITY_ACCESS_TOKEN_ERROR' });
  });
});

test('somebody without rights is told so, repository by repository', async () => {
  await install(clients);
  const key = await makeKey('people-1', 'ES256');
  const file = join(rig.home, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [key.jwk] }));
  const issuer = ['--issuer', 'https://people.test', '--audience', 'bonded', '--jwks-file', file];
  await rig.ok('issuer', 'create', '-n', 'people', ...issuer);
  await rig.ok('identity', 'create', '-n', 'ada');
  const at = ['--identity-name', 'ada', '--issuer', 'https://people.test', '--subject', 'ada', '--audiences', 'bonded'];
  await rig.ok('identity', 'federated-credential', 'create', '--name', 'ada', ...at);
  const role = ['--role', 'Container Registry Repository Reader', '--assignee', 'ada'];
  await rig.ok('role', 'assignment', 'create', ...role, '--repository', 'open/app');
  const token = join(rig.home, 'token');
  await writeFile(token, await jwt(key, 'ada'));
  const { code, all } = await findings(['--repository', 'open/app', '--repository', 'shut/app', '--ignore-errors'], {
    BONDED_TOKEN_FILE: token,
    BONDED_DATA: '/nowhere',
  });
  expect(code).toBe(1);
  expect(all.slice(-2)).toEqual([
    expect.objectContaining({
      check: 'repository open/app',
      outcome: 'ok',
      message: 'you may pull, metadata_read; not push, delete, metadata_write',
    }),
    expect.objectContaining({
      check: 'repository shut/app',
      outcome: 'failed',
      code: 'CONNECTIVITY_ACCESS_TOKEN_ERROR',
    }),
  ]);
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { program } from '../../../test/support/program.ts';
import { type Home, openHome, openServer } from '../login/login-rig.double.ts';

let server: Awaited<ReturnType<typeof openServer>>;
let home: Home;

beforeAll(async () => {
  server = await openServer();
  home = await openHome();
  expect(await home.bonded(['login', server.host, '--data', server.data])).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const ask = (verb: string, input = '') => home.run(['docker-credential-bonded', verb], { input });

test('get answers with a new login, however the registry is named', async () => {
  const secrets = new Set<string>();
  for (const named of [server.host, `${server.host}\n`, `https://${server.host}`, `http://${server.host}/v2/`]) {
    const answered = await ask('get', named);
    expect(answered).toMatchObject({ code: 0, error: '' });
    const found = JSON.parse(answered.out) as Record<string, string>;
    expect(found).toMatchObject({ ServerURL: named.trim(), Username: '00000000-0000-0000-0000-000000000000' });
    secrets.add(found['Secret']!);
  }
  expect(secrets.size).toBe(4);
});

test('of other registries it knows nothing, in the words that clients expect', async () => {
  for (const named of ['registry.example.com', `${server.host}0`, 'https://index.docker.io/v1/']) {
    expect(await ask('get', named)).toEqual({ code: 1, out: 'credentials not found in native keychain\n', error: '' });
  }
  expect(await ask('get')).toEqual({ code: 1, out: 'no credentials server URL\n', error: '' });
});

test('it lists whom it knows, says its version, and stores nothing', async () => {
  const listed = await ask('list');
  expect(JSON.parse(listed.out)).toEqual({ [server.host]: '00000000-0000-0000-0000-000000000000' });
  expect((await ask('version')).out).toStartWith('docker-credential-bonded ');
  const stored = await ask('store', JSON.stringify({ ServerURL: server.host, Username: 'me', Secret: 'hunter2' }));
  expect(stored).toEqual({
    code: 1,
    out: 'passwords are not stored here; log in by: bonded login HOST\n',
    error: '',
  });
  expect((await ask('get', 'x'.repeat(300_000))).out).toBe('standard input is longer than 262144 bytes\n');
  expect((await ask('nonsense')).code).not.toBe(0);
});

test('a registry that refuses, or is away, is told on standard output, and no token with it', async () => {
  const other = await openServer();
  await home.bonded(['login', other.host, '--data', other.data]);
  await other[Symbol.asyncDispose]();
  const gone = await ask('get', other.host);
  expect([gone.code, gone.error]).toEqual([1, '']);
  expect(gone.out).toContain('there is no');
  const logins = join(home.home, '.config/bonded/logins.json');
  const text = await Bun.file(logins).text();
  await Bun.write(logins, text.replace(other.data, server.data));
  const away = await ask('get', other.host);
  expect([away.code, away.error]).toEqual([1, '']);
  expect(away.out).toContain('cannot be reached');
  expect(away.out).not.toContain('eyJ');
  await ask('erase', other.host);
});

test('erase forgets the login', async () => {
  const link = join(home.programs, 'bonded');
  await symlink(program, link);
  expect(await home.run([link, 'docker-credential', 'erase'], { input: server.host })).toMatchObject({ code: 0 });
  expect((await ask('get', server.host)).out).toBe('credentials not found in native keychain\n');
  expect(await ask('erase', server.host)).toMatchObject({ code: 0 });
  expect(JSON.parse((await ask('list')).out)).toEqual({});
});

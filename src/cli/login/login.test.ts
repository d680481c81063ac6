import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmod, mkdir, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasTool } from '../../../test/clients/command.ts';
import { writeOciLayout } from '../../../test/support/oci-layout.ts';
import { nullUser } from '../exchange.ts';
import { type Home, openHome, openServer } from './login-rig.double.ts';

let server: Awaited<ReturnType<typeof openServer>>;
let home: Home;

beforeAll(async () => {
  server = await openServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const clients = ['skopeo', 'crane', 'oras'];
const withClients = test.skipIf(process.env['CI'] !== 'true' && !clients.every(hasTool));

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as Record<string, unknown>;

const login = (...args: string[]) => home.bonded(['login', server.host, '--data', server.data, ...args]);

function openProxy(answer: (request: Request) => Response) {
  const proxy = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: answer });
  return { url: `http://127.0.0.1:${proxy.port}`, [Symbol.asyncDispose]: () => proxy.stop(true) };
}

const withHome = (action: () => Promise<void>) => async () => {
  home = await openHome();
  await using _ = home;
  await action();
};

test(
  'a token is printed, alone, and nothing is written',
  withHome(async () => {
    const printed = await login('--print-token');
    expect(printed).toMatchObject({ code: 0, error: '' });
    const token = printed.out.trim();
    expect(claimsOf(token)).toMatchObject({ grant_type: 'refresh_token', aud: server.host });
    const headers = { authorization: `Basic ${btoa(`${nullUser}:${token}`)}` };
    expect((await fetch(`${server.url}/v2/_catalog`, { headers })).status).toBe(200);
    const exposed = JSON.parse((await login('--expose-token')).out) as Record<string, string>;
    expect(exposed['loginServer']).toBe(server.host);
    expect(claimsOf(exposed['accessToken']!)).toMatchObject({ grant_type: 'refresh_token' });
    expect(await Bun.file(join(home.home, '.docker/config.json')).exists()).toBe(false);
  }),
  60_000,
);

test(
  'a proxy of the environment is for others than this machine',
  withHome(async () => {
    const proxy = 'http://127.0.0.1:1';
    const environment = { HTTP_PROXY: proxy, http_proxy: proxy, HTTPS_PROXY: proxy, https_proxy: proxy };
    const args = ['login', server.host, '--data', server.data, '--print-token'];
    expect(await home.bonded(args, { environment })).toMatchObject({ code: 0, error: '' });
  }),
  60_000,
);

test(
  'others are reached by the proxy, and where they redirect the token is not sent on',
  withHome(async () => {
    const asked: string[] = [];
    let answer = () => Response.json({ refresh_token: 'a.b.c' });
    await using proxy = openProxy((request) => {
      asked.push(request.url);
      return answer();
    });
    const environment = { HTTP_PROXY: proxy.url, http_proxy: proxy.url };
    const args = ['login', 'registry.example.com', '--plain-http', '--data', server.data, '--print-token'];
    expect(await home.bonded(args, { environment })).toEqual({ code: 0, out: 'a.b.c\n', error: '' });
    answer = () => new Response(null, { status: 307, headers: { location: 'http://other.example.com/' } });
    const refused = await home.bonded(args, { environment });
    expect(refused.error).toContain('http://registry.example.com answered with 307 and is no Bonded registry');
    answer = () => new Response('x'.repeat(2_000_000));
    expect((await home.bonded(args, { environment })).error).toContain('answered with more than 1048576 bytes');
    const url = 'http://registry.example.com/oauth2/exchange';
    expect(asked).toEqual([url, url, url]);
  }),
  60_000,
);

withClients(
  'clients push and pull by a helper, and no password is on the disk',
  withHome(async () => {
    const layout = join(home.home, 'layout');
    await writeOciLayout(layout);
    const loggedIn = await login();
    expect(loggedIn.out).toContain('no password is on the disk');
    expect(await home.json('.docker/config.json')).toEqual({ credHelpers: { [server.host]: 'bonded' } });
    expect(await home.json('.config/containers/auth.json')).toEqual({ credHelpers: { [server.host]: 'bonded' } });

    const done = async (...command: string[]) => {
      const ended = await home.run(command);
      expect({ command: command.join(' '), ...ended }).toMatchObject({ code: 0 });
      return ended.out;
    };
    const there = `docker://${server.host}/team/app:v1`;
    await done('skopeo', 'copy', '--insecure-policy', '--dest-tls-verify=false', `oci:${layout}:latest`, there);
    await done('skopeo', 'inspect', '--tls-verify=false', there);
    expect(await done('crane', 'catalog', '--insecure', server.host)).toBe('team/app\n');
    await done('crane', 'copy', '--insecure', `${server.host}/team/app:v1`, `${server.host}/team/copy:v1`);
    await done(
      'oras',
      'cp',
      '--from-plain-http',
      '--to-oci-layout',
      `${server.host}/team/copy:v1`,
      `${home.home}/back:v1`,
    );
    const grep = await home.run(['grep', '-rlE', 'eyJ[A-Za-z0-9_-]{10}', home.home]);
    expect(grep.out).toBe('');

    expect(await home.bonded(['logout', server.host])).toMatchObject({ code: 0, error: '' });
    expect((await home.run(['crane', 'catalog', '--insecure', server.host])).error).toContain('UNAUTHORIZED');
    const again = await home.bonded(['logout', server.host]);
    expect(again.error).toBe(
      `bonded: there is no login to ${server.host}; name the registry as it was named at the login\n`,
    );
  }),
  120_000,
);

test(
  'where no helper can be found, a token is stored, and it is said until when',
  withHome(async () => {
    const environment = { PATH: '/usr/bin:/bin' };
    const stored = await home.bonded(['login', server.host, '--data', server.data], { environment });
    expect(stored.out).toMatch(
      /A token is stored for clients until \d{4}-\d\d-\d\dT[\d:]+Z, because .* is not on PATH/,
    );
    for (const file of ['.docker/config.json', '.config/containers/auth.json']) {
      const auths = (await home.json(file))['auths'] as Record<string, { auth: string }>;
      const [user, token] = atob(auths[server.host]!.auth).split(':');
      expect(user).toBe(nullUser);
      const { exp, iat } = claimsOf(token!) as { exp: number; iat: number };
      expect(exp - iat).toBe(3 * 3600);
      expect((await stat(join(home.home, file))).mode & 0o777).toBe(0o600);
    }
    // The next login, by a helper, removes it again.
    await login();
    expect(await home.json('.docker/config.json')).toEqual({ credHelpers: { [server.host]: 'bonded' } });
    await home.bonded(['login', server.host, '--data', server.data], { environment });
    expect((await home.json('.docker/config.json'))['credHelpers']).toBeUndefined();
    await home.bonded(['logout', server.host]);
    expect(await home.json('.docker/config.json')).toEqual({});
  }),
  120_000,
);

test(
  'what is in the files stays, and a link to another place stays a link',
  withHome(async () => {
    const kept = {
      auths: { 'quay.io': { auth: btoa('me:secret') } },
      credHelpers: { 'gcr.io': 'gcloud' },
      psFormat: 'x',
    };
    const elsewhere = join(home.home, 'dotfiles.json');
    await writeFile(elsewhere, JSON.stringify(kept, undefined, 4), { mode: 0o644 });
    await mkdir(join(home.home, '.docker'));
    await symlink(elsewhere, join(home.home, '.docker/config.json'));
    await login();
    const expected = { ...kept, credHelpers: { 'gcr.io': 'gcloud', [server.host]: 'bonded' } };
    expect(await Bun.file(elsewhere).text()).toBe(`${JSON.stringify(expected, undefined, 4)}\n`);
    expect(await readlink(join(home.home, '.docker/config.json'))).toBe(elsewhere);
    expect((await stat(elsewhere)).mode & 0o777).toBe(0o600);
    await home.bonded(['logout', server.host]);
    expect(await Bun.file(elsewhere).json()).toEqual(kept);

    await writeFile(elsewhere, '{"auths": ');
    const refused = await login();
    expect(refused.code).toBe(1);
    expect(refused.error).toContain('dotfiles.json is no JSON object; mend or remove it');
    expect(await Bun.file(elsewhere).text()).toBe('{"auths": ');
  }),
  120_000,
);

test(
  'a token is kept where Docker keeps passwords, in its store',
  withHome(async () => {
    const store = join(home.programs, 'docker-credential-vault');
    const vault = join(home.home, 'vault');
    const verbs = `case $1 in store) cat > ${vault} ;; get) cat ${vault} ;; erase) rm ${vault} ;; esac`;
    await writeFile(store, `#!/bin/sh\n${verbs}\n`);
    await chmod(store, 0o755);
    await mkdir(join(home.home, '.docker'));
    await writeFile(join(home.home, '.docker/config.json'), JSON.stringify({ credsStore: 'vault' }));
    // It cannot be made again: the token came by hand.
    const operator = (await login('--print-token')).out;
    const stored = await home.bonded(['login', server.host, '--method', 'token-stdin'], { input: operator });
    expect(stored).toMatchObject({ code: 0, error: '' });
    expect(stored.out).toContain('nobody but you can make this login again');
    expect(await Bun.file(vault).json()).toMatchObject({ ServerURL: server.host, Username: nullUser });
    expect(await home.json('.docker/config.json')).toEqual({ credsStore: 'vault', auths: { [server.host]: {} } });
    expect((await home.bonded(['logout', server.host])).code).toBe(0);
    expect(await Bun.file(vault).exists()).toBe(false);
    expect(await home.json('.docker/config.json')).toEqual({ credsStore: 'vault' });
  }),
  120_000,
);

test(
  'another program of the name of the helper is left alone',
  withHome(async () => {
    const other = join(home.programs, 'docker-credential-bonded');
    await writeFile(other, '#!/bin/sh\n');
    await chmod(other, 0o755);
    expect((await login()).out).toContain(`because ${other} is another program`);
    expect(await Bun.file(other).text()).toBe('#!/bin/sh\n');
  }),
  60_000,
);

test(
  'what goes wrong is said with what to do',
  withHome(async () => {
    const failed = async (...args: string[]) => {
      const { code, out, error } = await home.bonded(['login', ...args]);
      expect([code, out]).toEqual([1, '']);
      return error;
    };
    expect(await failed('a b')).toContain('a b is no registry; write its host, such as registry.example.com');
    expect(await failed('127.0.0.1:1', '--data', server.data)).toBe(
      'bonded: 127.0.0.1:1 cannot be reached; check that the server runs and listens there, or give https://127.0.0.1:1 if ' +
        'it speaks TLS\n',
    );
    expect(await failed(`https://${server.host}`, '--data', server.data)).toContain(
      '--plain-http if it speaks plain http',
    );
    expect(await failed(server.host, '--data', home.home)).toContain('/keys/operator.jwk; the server makes it');
    const nothing = await failed(server.host);
    expect(nothing).toContain(`nothing here says to ${server.host} who you are`);
    expect(nothing).toContain('--data');

    // The operator of another server is not this one's.
    await using other = await openServer();
    expect(await failed(server.host, '--data', other.data)).toContain(
      `${server.host} refused the login: the operator token`,
    );
    // What came from outside does not steer the terminal.
    const stdin = await home.bonded(['login', server.host, '--method', 'token-stdin'], { input: 'no token' });
    expect(stdin.error).toBe(`bonded: ${server.host} refused the login: this is no token that the registry can read\n`);
  }),
  120_000,
);

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { pushImage } from '../../../test/http/registry.ts';
import { hasTool } from '../../../test/clients/command.ts';
import { makeKey, type TestKey } from '../../identity/federation/test-issuer.double.ts';
import { openPlatform } from '../proofs/proof-rig.double.ts';
import { openHome, openServer } from './login-rig.double.ts';

const withCrane = test.skipIf(process.env['CI'] !== 'true' && !hasTool('crane'));
const github = 'https://token.actions.githubusercontent.com';
const cluster = 'https://cluster.example.com';

let server: Awaited<ReturnType<typeof openServer>>;
let key: TestKey;

beforeAll(async () => {
  key = await makeKey('one');
  server = await openServer();
  const jwks = { keys: [key.jwk] };
  const role = 'Container Registry Repository Writer';
  const audiences = ['bonded'];
  const subject = 'repo:acme/shop:ref:refs/heads/main';
  await server.trust({ name: 'github', issuer: github, audiences, preset: 'github', jwks, subject, role });
  const account = 'system:serviceaccount:shop:puller';
  await server.trust({
    name: 'cluster',
    issuer: cluster,
    audiences,
    preset: 'kubernetes',
    jwks,
    subject: account,
    role,
  });
  await pushImage(server.url, 'acme/base', 'v1');
});
afterAll(() => server[Symbol.asyncDispose]());

function sign(issuer: string, subject: string, audience = 'bonded', lifeSeconds = 300) {
  const at = Math.floor(Date.now() / 1000);
  return new SignJWT({ repository: 'acme/shop', ref: 'refs/heads/main' })
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt(at - 600)
    .setExpirationTime(at + lifeSeconds)
    .sign(key.privateKey);
}

withCrane(
  'a job of GitHub Actions pushes without a secret: each client asks GitHub anew',
  async () => {
    await using home = await openHome();
    let tokens = 0;
    await using actions = openPlatform(async ({ query, headers }) => {
      if (headers['authorization'] !== 'Bearer of-the-job') return Response.json({ message: 'no' }, { status: 401 });
      tokens++;
      return { value: await sign(github, 'repo:acme/shop:ref:refs/heads/main', query['audience']) };
    });
    const environment = {
      GITHUB_ACTIONS: 'true',
      GITHUB_REPOSITORY: 'acme/shop',
      ACTIONS_ID_TOKEN_REQUEST_URL: `${actions.origin}/?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
    };
    const login = await home.bonded(['login', server.host], { environment });
    expect(login.out).toContain(`Logged in to ${server.host} as a job of acme/shop.`);
    expect(login.out).toContain('no password is on the disk');
    const before = tokens;
    const copy = ['crane', 'copy', '--insecure', `${server.host}/acme/base:v1`, `${server.host}/acme/shop:v1`];
    const copied = await home.run(copy, { environment });
    expect(copied).toMatchObject({ code: 0 });
    expect(tokens).toBeGreaterThan(before);
    // Outside of the job there is nobody.
    expect((await home.run(copy)).error).toContain('there is no token of the method github here');

    const without = { ...environment, ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' };
    const refused = await home.bonded(['login', server.host], { environment: without });
    expect(refused.error).toContain('give it `permissions: id-token: write`');
    const other = await home.bonded(['login', server.host, '--audience', 'another'], { environment });
    expect(other.code).toBe(1);
    expect(other.error).toContain(`${server.host} refused the login`);
  },
  120_000,
);

test('a pod logs in by its projected token, which is read anew each time', async () => {
  await using home = await openHome();
  const file = join(home.home, 'token');
  await writeFile(file, await sign(cluster, 'system:serviceaccount:shop:puller'));
  const login = await home.bonded(['login', server.host], { environment: { BONDED_TOKEN_FILE: file } });
  expect(login).toMatchObject({ code: 0, error: '' });
  const { logins } = await home.json('.config/bonded/logins.json');
  expect(logins).toEqual({ [server.host]: { method: 'kubernetes', origin: server.url, tokenFile: file } });
  const ask = () => home.run(['docker-credential-bonded', 'get'], { input: server.host });
  expect((await ask()).code).toBe(0);
  // The kubelet has replaced it in the meantime, or has not.
  await writeFile(file, await sign(cluster, 'system:serviceaccount:shop:puller', 'bonded', -120));
  const expired = await ask();
  expect(expired).toMatchObject({ code: 1, error: '' });
  expect(expired.out).toContain(`${server.host} refused the login: `);
  await writeFile(file, await sign(cluster, 'system:serviceaccount:shop:puller'));
  expect((await ask()).code).toBe(0);
}, 120_000);

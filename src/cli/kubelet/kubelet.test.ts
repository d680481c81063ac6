import { afterAll, beforeAll, expect, test } from 'bun:test';
import { chmod, writeFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pushImage } from '../../../test/http/registry.ts';
import { program } from '../../../test/support/program.ts';
import { makeKey, type TestKey } from '../../identity/federation/test-issuer.double.ts';
import { SignJWT } from 'jose';
import { type Home, openHome, openServer } from '../login/login-rig.double.ts';

const issuer = 'https://cluster.example.com';
const audience = 'registry.example.com';

let server: Awaited<ReturnType<typeof openServer>>;
let home: Home;
let key: TestKey;
/** Where the kubelet has its plugins: --image-credential-provider-bin-dir. */
let plugin: string;

beforeAll(async () => {
  key = await makeKey('cluster');
  server = await openServer();
  home = await openHome();
  plugin = join(home.programs, 'bonded-credential-provider');
  await symlink(program, plugin);
  await server.trust({
    name: 'cluster',
    issuer,
    audiences: [audience],
    preset: 'kubernetes',
    jwks: { keys: [key.jwk] },
    subject: 'system:serviceaccount:shop:puller',
    role: 'Container Registry Repository Reader',
  });
  await pushImage(server.url, 'team/app', 'v1');
});
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** A token as the kubelet asks the API server for (TokenRequest). */
async function podToken(account = 'puller', signedBy = key) {
  const at = Math.floor(Date.now() / 1000);
  const inside = { namespace: 'shop', serviceaccount: { name: account, uid: 'e6a8680e-d103-4cce-80ea-03acbbeacf7d' } };
  return new SignJWT({ 'kubernetes.io': inside })
    .setProtectedHeader({ alg: signedBy.alg, kid: signedBy.kid })
    .setIssuer(issuer)
    .setAudience([audience])
    .setSubject(`system:serviceaccount:shop:${account}`)
    .setIssuedAt(at)
    .setNotBefore(at)
    .setExpirationTime(at + 3600)
    .sign(signedBy.privateKey);
}

interface Response {
  kind: string;
  apiVersion: string;
  cacheKeyType: string;
  cacheDuration: string;
  auth: Record<string, { username: string; password: string }>;
}

/** What the kubelet does: the plugin gets a request on standard input, and has its own environment and arguments. */
async function ask(request: object, args: string[] = []) {
  const body = { apiVersion: 'credentialprovider.kubelet.k8s.io/v1', kind: 'CredentialProviderRequest', ...request };
  return home.run([plugin, ...args], { input: JSON.stringify(body) });
}

const statusOf = async (path: string, { username, password }: { username: string; password: string }) => {
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  return (await fetch(`${server.url}${path}`, { headers: { authorization } })).status;
};

test('the token of the service account becomes a login with which its images are pulled, and not pushed', async () => {
  const image = `${server.host}/team/app:v1`;
  const answered = await ask({ image, serviceAccountToken: await podToken(), serviceAccountAnnotations: {} });
  expect(answered).toMatchObject({ code: 0, error: '' });
  const response = JSON.parse(answered.out) as Response;
  expect(response).toMatchObject({
    kind: 'CredentialProviderResponse',
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    cacheKeyType: 'Registry',
    auth: { [server.host]: { username: '00000000-0000-0000-0000-000000000000' } },
  });
  // As Go reads durations; the login lasts longer.
  const seconds = Number(/^(\d+)s$/.exec(response.cacheDuration)?.[1]);
  expect(seconds).toBeGreaterThan(60);
  expect(seconds).toBeLessThanOrEqual(3600);
  const pair = response.auth[server.host]!;
  expect(await statusOf('/v2/team/app/manifests/v1', pair)).toBe(200);
  const authorization = `Basic ${btoa(`${pair.username}:${pair.password}`)}`;
  const push = await fetch(`${server.url}/v2/team/app/blobs/uploads/`, { method: 'POST', headers: { authorization } });
  expect([401, 403]).toContain(push.status);
});

test('another service account gets a login that may do nothing', async () => {
  const answered = await ask({ image: `${server.host}/team/app`, serviceAccountToken: await podToken('other') });
  const { auth } = JSON.parse(answered.out) as Response;
  expect([401, 403, 404]).toContain(await statusOf('/v2/team/app/manifests/v1', auth[server.host]!));
});

test('a token of nobody is refused, in words for the log, and nothing is answered', async () => {
  const forged = await podToken('puller', await makeKey('cluster'));
  const answered = await ask({ image: `${server.host}/team/app`, serviceAccountToken: forged });
  expect(answered).toMatchObject({ code: 1, out: '' });
  expect(answered.error).toStartWith(`bonded: ${server.host} refused the login: `);
  expect(answered.error).not.toContain(forged.slice(0, 40));
});

test('an annotation of the service account leads to another host, for its own token alone', async () => {
  const mirror = 'mirror.example.com:5000';
  const serviceAccountAnnotations = { 'bonded/host': server.host };
  const image = `${mirror}/team/app@sha256:${'0'.repeat(64)}`;
  const answered = await ask({ image, serviceAccountToken: await podToken(), serviceAccountAnnotations });
  expect(Object.keys((JSON.parse(answered.out) as Response).auth)).toEqual([mirror]);
  const file = join(home.home, 'node-token');
  await writeFile(file, await podToken());
  await chmod(file, 0o600);
  const ofNode = await ask({ image: '127.0.0.1:1/app', serviceAccountAnnotations }, ['--token-file', file]);
  expect(ofNode).toMatchObject({ code: 1, out: '' });
  expect(ofNode.error).toContain('127.0.0.1:1 cannot be reached');
});

test('without a token of the pod, a file of the node serves', async () => {
  const file = join(home.home, 'token');
  await writeFile(file, await podToken());
  const answered = await ask({ image: `${server.host}/team/app:v1` }, ['--token-file', file]);
  const { auth } = JSON.parse(answered.out) as Response;
  expect(await statusOf('/v2/team/app/manifests/v1', auth[server.host]!)).toBe(200);
  expect((await ask({ image: `${server.host}/a:v1` })).error).toContain('set tokenAttributes for this provider');
  const gone = await ask({ image: `${server.host}/a:v1` }, ['--token-file', join(home.home, 'none')]);
  expect(gone).toMatchObject({ code: 1, out: '' });
});

test.each([
  ['no JSON', 'hello', 'standard input is no JSON'],
  ['another version', { apiVersion: 'credentialprovider.kubelet.k8s.io/v1beta1' }, 'set this apiVersion'],
  ['another kind', { kind: 'Pod' }, 'is no CredentialProviderRequest'],
  ['an image of Docker Hub', { image: 'library/busybox' }, 'the image names no registry'],
  ['an image without a path', { image: 'busybox:latest' }, 'the image names no registry'],
])('%s is refused', async (_, request, message) => {
  const refused =
    typeof request === 'string'
      ? await home.run([plugin], { input: request })
      : await ask({ image: 'a.b/c', serviceAccountToken: 'x', ...request });
  expect(refused).toMatchObject({ code: 1, out: '' });
  expect(refused.error).toContain(message);
});

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { parse } from 'yaml';
import { type Home, openHome, openServer } from '../../src/cli/login/login-rig.double.ts';
import { makeKey, type TestKey } from '../../src/identity/federation/test-issuer.double.ts';
import { pushImage } from '../http/registry.ts';
import { program } from '../support/program.ts';

let server: Awaited<ReturnType<typeof openServer>>;
let home: Home;
let key: TestKey;

beforeAll(async () => {
  key = await makeKey('of-the-issuer');
  server = await openServer();
  home = await openHome();
  // As `kubectl get --raw /openid/v1/jwks` says it.
  await writeFile(join(home.home, 'work', 'keys.json'), JSON.stringify({ keys: [key.jwk] }));
  for (const name of ['shop/web', 'acme/shop', 'other/app']) await pushImage(server.url, name, 'v1');
});
afterAll(async () => {
  await home[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

const guide = (name: string) => Bun.file(join(import.meta.dir, '../../docs/guides', `${name}.md`)).text();

/** The commands of a guide that manage the server, as they stand there. */
async function managementIn(name: string): Promise<string[]> {
  const blocks = [...(await guide(name)).matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text!);
  const lines = blocks.flatMap((text) => text.replaceAll(/\\\n\s*/g, '').split('\n'));
  return lines.filter((line) => /^bonded (?:issuer|identity|role) /.test(line));
}

/** Runs commands as the operator; the keys of an issuer are those of the test. */
async function manage(commands: readonly string[]): Promise<void> {
  expect(commands.length).toBeGreaterThan(1);
  const environment = { BONDED_SERVER: server.host, BONDED_DATA: server.data };
  for (const command of commands) {
    const line = command.startsWith('bonded issuer create') ? `${command} --jwks-file keys.json` : command;
    const ended = await home.run(['sh', '-c', `exec "${program}" ${line.slice('bonded '.length)}`], { environment });
    expect({ line, ...ended }).toMatchObject({ code: 0 });
  }
}

function sign(issuer: string, subject: string, audience: string, claims: Record<string, unknown> = {}) {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, kid: key.kid })
    .setIssuer(issuer)
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key.privateKey);
}

async function statusOf(password: string, path: string, method = 'GET'): Promise<number> {
  const authorization = `Basic ${btoa(`00000000-0000-0000-0000-000000000000:${password}`)}`;
  return (await fetch(`${server.url}/v2/${path}`, { method, headers: { authorization } })).status;
}

interface ProviderConfig {
  apiVersion: string;
  kind: string;
  providers: {
    name: string;
    apiVersion: string;
    matchImages: string[];
    defaultCacheDuration: string;
    tokenAttributes: { serviceAccountTokenAudience: string; cacheType: string; requireServiceAccount: boolean };
  }[];
}

test('a cluster that is set up as its guide says pulls, and pushes nothing', async () => {
  await manage(await managementIn('kubernetes'));
  const blocks = [...(await guide('kubernetes')).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text!);
  const config = parse(blocks.find((text) => text.includes('CredentialProviderConfig'))!) as ProviderConfig;
  const [provider] = config.providers;
  expect(config.apiVersion).toBe('kubelet.config.k8s.io/v1');
  const plugin = join(home.programs, provider!.name);
  await symlink(program, plugin);
  const ask = async (account: string) => {
    const audience = provider!.tokenAttributes.serviceAccountTokenAudience;
    const token = await sign('https://kubernetes.example.com', `system:serviceaccount:${account}`, audience);
    const request = {
      apiVersion: provider!.apiVersion,
      kind: 'CredentialProviderRequest',
      image: `${server.host}/shop/web:v1`,
      serviceAccountToken: token,
    };
    const { out } = await home.run([plugin], { input: JSON.stringify(request) });
    return (JSON.parse(out) as { auth: Record<string, { password: string }> }).auth[server.host]!.password;
  };
  const ours = await ask('shop:default');
  expect(await statusOf(ours, 'shop/web/manifests/v1')).toBe(200);
  expect(await statusOf(ours, 'other/app/manifests/v1')).not.toBe(200);
  expect(await statusOf(ours, 'shop/web/blobs/uploads/', 'POST')).not.toBe(202);
  expect(await statusOf(await ask('other:default'), 'shop/web/manifests/v1')).not.toBe(200);
}, 120_000);

test('a repository of GitHub that is set up as its guide says pushes from its branch alone', async () => {
  await manage(await managementIn('github-actions'));
  const issuer = 'https://token.actions.githubusercontent.com';
  // The token itself is the password, as docker/login-action shows it.
  const tokenOf = (claims: Record<string, unknown>) =>
    sign(issuer, 'repo:acme/shop:ref:refs/heads/main', 'bonded', {
      repository_owner_id: '1234',
      repository_id: '5678',
      ref: 'refs/heads/main',
      ...claims,
    });
  const main = await tokenOf({});
  expect(await statusOf(main, 'acme/shop/blobs/uploads/', 'POST')).toBe(202);
  expect(await statusOf(main, 'other/app/blobs/uploads/', 'POST')).not.toBe(202);
  for (const claims of [{ ref: 'refs/pull/1/merge' }, { repository_id: '9' }, { repository_owner_id: '9' }]) {
    expect(await statusOf(await tokenOf(claims), 'acme/shop/blobs/uploads/', 'POST')).not.toBe(202);
  }
}, 120_000);

test('people who log in by a provider that is trusted as the guide says have the rights of their group', async () => {
  await manage(await managementIn('logging-in'));
  const token = (groups: string[]) => sign('https://login.example.com', 'alice', 'CLIENT_ID', { groups });
  expect(await statusOf(await token(['builders']), 'shop/web/blobs/uploads/', 'POST')).toBe(202);
  expect(await statusOf(await token(['others']), 'shop/web/blobs/uploads/', 'POST')).not.toBe(202);
}, 120_000);

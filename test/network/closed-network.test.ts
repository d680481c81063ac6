import { afterAll, beforeAll, beforeEach, expect, test as anyTest } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFailing } from '../clients/command.ts';
import { mayNotSkip } from '../clients/databases.ts';
import { writeOciLayout } from '../support/oci-layout.ts';
import { type ClosedNetwork, host, ports, type Site, sites, startClosedNetwork } from './closed-network.ts';
import { canMakeNamespaces } from './namespaces.ts';

/*
 * A registry that is closed to the public, from three networks: one whose private endpoint its owner has approved, one whose
 * was rejected, and one that has none.
 */

const paths = [
  '/v2/',
  '/v2/app/tags/list',
  '/acr/v1/_catalog',
  '/oauth2/token?service=registry.test',
  '/oauth2/exchange',
  '/oauth2/keys',
  '/.well-known/openid-configuration',
  '/subscriptions?api-version=2022-12-01',
  '/nothing',
];

const runs = mayNotSkip || (await canMakeNamespaces());
const test = anyTest.skipIf(!runs);

let closed: ClosedNetwork;
let folder: string;
let password: string;
beforeAll(async () => {
  if (!runs) return;
  closed = await startClosedNetwork();
  folder = await mkdtemp(join(tmpdir(), 'bonded-closed-'));
  const repository = ['--repository', 'app', 'content/read', 'content/write', 'metadata/read'];
  const made = (await closed.owner('token', 'create', '--name', 'robot', ...repository)) as {
    credentials: { passwords: { value: string }[] };
  };
  password = made.credentials.passwords[0]!.value;
}, 180_000);
afterAll(async () => {
  await closed?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  if (runs) await close();
});

const update = (...words: string[]) => closed.owner('acr', 'update', '--name', 'default', ...words);
const close = () =>
  update('--public-network-enabled', 'false', '--default-action', 'Allow', '--data-endpoint-enabled', 'false');

/** Curl prints the status alone, and gives up in time. */
const quietly = ['-s', '-o', '/dev/null', '-w', '%{http_code}', '--max-time', '20'];

interface Asked {
  headers?: readonly string[];
  words?: readonly string[];
  v6?: boolean;
  port?: number;
  method?: string;
}

/** The status of a path, asked for in a network by curl. */
async function status(
  site: Site,
  path: string,
  { headers = [], words = [], v6, port = ports.main, method }: Asked = {},
) {
  const wire = closed.networks.clients[site];
  const address = v6 ? `[${wire.server.v6}]` : wire.server.v4;
  const { stdout } = await closed.in(wire, [
    'curl',
    ...quietly,
    ...(method ? ['-X', method] : []),
    ...headers.flatMap((header) => ['-H', header]),
    ...words,
    `http://${address}:${port}${path}`,
  ]);
  return Number(stdout);
}

const skopeo = (site: Site, ...words: string[]) => [
  ...closed.networks.clients[site].command,
  'skopeo',
  '--insecure-policy',
  '--tmpdir',
  folder,
  ...words,
];
const credentials = (side: string) => [`--${side}-tls-verify=false`, `--${side}-creds=robot:${password}`];
const image = (port: number) => `docker://${host}:${port}/app:v1`;
const pull = (site: Site, port: number, name: string) =>
  skopeo(site, 'copy', ...credentials('src'), image(port), `dir:${join(folder, name)}`);

test('from the approved network an image is pushed and pulled, by IPv4 and by IPv6 all answers are there', async () => {
  for (const v6 of [false, true]) {
    expect(await status('approved', '/v2/', { v6, port: ports.private })).toBe(401);
    const words = ['-u', `robot:${password}`];
    expect(await status('approved', '/v2/', { v6, port: ports.private, words })).toBe(200);
  }
  const layout = join(folder, 'layout');
  await writeOciLayout(layout);
  const push = skopeo('approved', 'copy', ...credentials('dest'), `oci:${layout}`, image(ports.private));
  await closed.in({ command: [] }, push);
  await closed.in({ command: [] }, pull('approved', ports.private, 'approved'));
  await update('--data-endpoint-enabled', 'true');
  await closed.in({ command: [] }, pull('approved', ports.private, 'by-data-endpoint'));
  expect(closed.server.output()).toMatch(/"path":"\/blobs\/sha256:[0-9a-f]{64}","status":200/);
});

test('from the others every path is 403, by each listener that they reach, with IPv4 and IPv6', async () => {
  const authorization = ['-u', `robot:${password}`];
  for (const site of ['rejected', 'public'] as const) {
    const reached = site === 'rejected' ? [ports.main, ports.private] : [ports.main];
    for (const port of reached) {
      for (const v6 of [false, true]) {
        for (const path of paths) {
          const seen = await status(site, path, { v6, port, words: authorization });
          expect([site, port, v6, path, seen]).toEqual([site, port, v6, path, 403]);
        }
      }
    }
    expect(await status(site, '/oauth2/token', { method: 'POST' })).toBe(403);
    const complaint = await runFailing(pull(site, reached.at(-1)!, site), { environment: {} });
    expect(complaint).toContain('403 (Forbidden)');
    const { server, client } = closed.networks.clients[site];
    const url = `http://${server.v4}:${reached.at(-1)!}/v2/`;
    const { stdout } = await closed.in(closed.networks.clients[site], ['curl', '-s', url]);
    expect(stdout).toContain(`client with IP '${client.v4}' is not allowed access`);
  }
  // The main listener is the public way for those who have a better one, too.
  expect(await status('approved', '/v2/')).toBe(403);
});

test('what clients say of themselves does not count: forwarding headers, links, PROXY prefaces', async () => {
  const { approved } = closed.networks.clients;
  await closed.owner('acr', 'private-endpoint', 'create', '--name', 'link', '--link-id', 'vpce-1', '--approve');
  await update('--public-network-enabled', 'true', '--default-action', 'Deny');
  await closed.owner(
    'acr',
    'network-rule',
    'add',
    '--ip-address',
    '192.0.2.0/24',
    '127.0.0.1',
    '::1',
    approved.client.v4,
  );
  const invented = [
    'X-Forwarded-For: 192.0.2.1',
    'X-Forwarded-For: 127.0.0.1',
    `X-Forwarded-For: ${approved.client.v4}`,
    'X-Forwarded-For: ::1, 192.0.2.1',
    'X-Real-IP: 192.0.2.1',
    'Forwarded: for=192.0.2.1',
    'X-Bonded-Link: vpce-1',
    'x-bonded-link: vpce-1',
    'X-Forwarded-Host: localhost',
    'Host: localhost',
    'Host: 127.0.0.1',
  ];
  for (const site of ['rejected', 'public'] as const) {
    for (const v6 of [false, true]) {
      for (const header of invented) {
        const port = site === 'rejected' ? ports.private : ports.main;
        expect([header, await status(site, '/v2/', { v6, port, headers: [header] })]).toEqual([header, 403]);
      }
      const proxies = [['--haproxy-protocol'], ['--haproxy-protocol', '--header', 'X-Bonded-Link: vpce-1']];
      for (const words of proxies) expect(await status(site, '/v2/', { v6, words })).toBe(400);
    }
  }
  await closed.owner(
    'acr',
    'network-rule',
    'remove',
    '--ip-address',
    '192.0.2.0/24',
    '127.0.0.1',
    '::1',
    approved.client.v4,
  );
  await closed.owner('acr', 'private-endpoint', 'delete', '--name', 'link', '--yes');
});

test('rules let a network in by the public way, of IPv4 and IPv6 apart, for what they say', async () => {
  const { client } = closed.networks.clients.public;
  await update('--public-network-enabled', 'true', '--default-action', 'Deny');
  await closed.owner('acr', 'network-rule', 'add', '--ip-address', client.v4, '--scope', 'pull');
  expect(await status('public', '/v2/')).toBe(401);
  expect(await status('public', '/v2/', { v6: true })).toBe(403);
  expect(await status('rejected', '/v2/')).toBe(403);
  await closed.in({ command: [] }, pull('public', ports.main, 'by-rule'));
  const pushing = skopeo('public', 'copy', ...credentials('dest'), `dir:${join(folder, 'by-rule')}`, image(ports.main));
  const complaint = await runFailing(pushing, { environment: {} });
  expect(complaint).toContain('is not allowed access to push');
  await closed.owner('acr', 'network-rule', 'add', '--ip-address', 'fd77:3::/64');
  expect(await status('public', '/v2/', { v6: true })).toBe(401);
  await closed.owner('acr', 'network-rule', 'remove', '--ip-address', client.v4, 'fd77:3::/64');
});

test('a token that was given in one network opens nothing in another', async () => {
  await update('--public-network-enabled', 'true');
  const scope = 'service=registry.test&scope=repository:app:pull';
  const tokenIn = async (site: Site, port: number) => {
    const url = `http://${host}:${port}/oauth2/token?${scope}`;
    const { stdout } = await closed.in(closed.networks.clients[site], ['curl', '-s', '-u', `robot:${password}`, url]);
    return (JSON.parse(stdout) as { access_token: string }).access_token;
  };
  const tags = (site: Site, port: number, token: string) =>
    status(site, '/v2/app/tags/list', { port, headers: [`Host: ${host}:${port}`, `Authorization: Bearer ${token}`] });
  const [own, open] = [await tokenIn('approved', ports.private), await tokenIn('public', ports.main)];
  expect(await tags('approved', ports.private, own)).toBe(200);
  expect(await tags('public', ports.main, open)).toBe(200);
  expect(await tags('public', ports.main, own)).toBe(401);
  expect(await tags('approved', ports.private, open)).toBe(401);
  expect(await tags('approved', ports.main, open)).toBe(200);
});

test('the owner is never locked out of the machine itself', async () => {
  expect(await closed.owner('acr', 'show', '--query', 'publicNetworkAccess')).toBe('Disabled');
});

test('every network was tried', () => {
  expect(Object.keys(closed.networks.clients)).toEqual([...sites]);
});

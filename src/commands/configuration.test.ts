import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration } from '../configuration.ts';

async function problemsOf(yaml: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-configuration-'));
  try {
    const file = join(directory, 'bonded.yaml');
    await writeFile(file, yaml);
    loadConfiguration({ file, environment: {} });
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

test.each([
  ['two registries of one name', 'registries: [{name: a}, {name: a}]', 'registries: two registries have the host name'],
  ['a second default registry', 'registries: [{name: default}]', 'registries: two registries have the host name'],
  ['a host of two registries', 'registries: [{name: a, hosts: [x.io]}, {name: b, hosts: [x.io]}]', 'host name x.io'],
  ['a host of the default one too', 'hosts: [x.io]\nregistries: [{name: a, hosts: [x.io]}]', 'host name x.io'],
  ['an address that is none', 'listen: 0.0.0.0', 'listen: must be host:port'],
  ['a public address with a path', 'publicUrl: https://example.com/registry', 'publicUrl: must have no path'],
  ['a proxy that is no address', 'trustedProxies: [proxy]', 'trustedProxies.0: must be an IP address or a range'],
  [
    'an adapter that is not told where it reaches the server',
    'scanning: {engines: [{name: a, kind: harbor, url: "https://a.example"}]}',
    'scanning.engines.0.registryUrl: give it, or publicUrl',
  ],
  ['a pause that no timer can be set to', 'uploads: {stallTimeout: 25d}', 'uploads.stallTimeout: must be at most 24d'],
  ['an end that no timer can be set to', 'drain: {timeout: 25d}', 'drain.timeout: must be at most 24d'],
  ['a password that breaks the URL', 'database: {url: "postgres://u:sword/fish@h/d"}', 'database.url: must be a URL'],
])('what the server would refuse is a mistake already: %s', async (_, yaml, problem) => {
  expect(await problemsOf(yaml)).toContain(problem);
});

test('a socket needs no host in the URL', async () => {
  expect(await problemsOf('database: {url: "postgres://bonded@/facts?host=/run/postgresql"}')).toBe('');
});

import 'reflect-metadata';
import { expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDevelopmentCertificate } from '../cli/development-certificate.ts';
import { resourceGroup, subscriptionId } from '../operations/index.ts';
import { startManagement } from './test-management.double.ts';

/** The published client, in a process of its own: it trusts what NODE_EXTRA_CA_CERTS says, and refuses plain HTTP. */
const program = (url: string) => `
  const { ContainerRegistryManagementClient } = await import('@azure/arm-containerregistry');
  const credential = { getToken: async () => ({ token: 'secret', expiresOnTimestamp: Date.now() + 3_600_000 }) };
  const client = new ContainerRegistryManagementClient(credential, ${JSON.stringify(subscriptionId)}, {
    endpoint: ${JSON.stringify(url)},
    retryOptions: { maxRetries: 0 },
  });
  const seen = {};
  const group = ${JSON.stringify(resourceGroup)};
  const fast = { updateIntervalInMs: 5 };
  const names = async (list) => {
    const found = [];
    for await (const one of list) found.push(one.name);
    return found;
  };
  const created = await client.registries.create(group, 'Registry', { location: 'here', sku: { name: 'Premium' } }, fast);
  seen.created = [created.name, created.provisioningState, created.loginServer, created.sku.name];
  seen.systemData = created.systemData.createdAt instanceof Date;
  const updated = await client.registries.update(group, 'Registry', { tags: { a: 'b' }, adminUserEnabled: true }, fast);
  seen.updated = [updated.tags, updated.adminUserEnabled];
  for (let n = 100; n < 230; n++)
    await client.tokens.create(group, 'Registry', 'token' + n, { scopeMapId: 'map', status: 'enabled' }, fast);
  const tokens = await names(client.tokens.list(group, 'Registry'));
  seen.tokens = [tokens.length, tokens.at(-1)];
  seen.token = (await client.tokens.update(group, 'Registry', 'token100', { status: 'disabled' }, fast)).status;
  await client.tokens.delete(group, 'Registry', 'token100', fast);
  seen.gone = await client.tokens.get(group, 'Registry', 'token100').catch((error) => [error.statusCode, error.code]);
  seen.credentials = await client.registries.generateCredentials(group, 'Registry', { tokenId: 'a/b' }, fast);
  seen.free = (await client.registries.checkNameAvailability({ name: 'Registry', type: 'Microsoft.ContainerRegistry/registries' })).nameAvailable;
  const copy = await client.replications.create(group, 'Registry', 'west', { location: 'there' }, fast);
  seen.copy = [copy.name, copy.provisioningState];
  await client.replications.delete(group, 'Registry', 'west', fast);
  seen.copies = await names(client.replications.list(group, 'Registry'));
  seen.registries = [await names(client.registries.list()), await names(client.registries.listByResourceGroup(group))];
  seen.refused = await client.registries.create(group, 'no', { location: 'here', sku: { name: 'Premium' } }, fast)
    .catch((error) => [error.statusCode, error.code, error.message.slice(0, 11)]);
  await client.registries.delete(group, 'Registry', fast);
  seen.registriesAfter = await names(client.registries.list());
  console.log(JSON.stringify(seen));
`;

test('@azure/arm-containerregistry works against it over TLS', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-azure-'));
  try {
    const { authority, certificate, key } = await makeDevelopmentCertificate(directory, [], 1);
    await using rig = await startManagement({ tls: { certificate, key } });
    rig.release.resolve();
    const child = Bun.spawn([process.execPath, '-e', program(rig.url)], {
      cwd: join(import.meta.dir, '..', '..'),
      env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const output = await new Response(child.stdout).text();
    expect(await child.exited).toBe(0);
    expect(JSON.parse(output)).toEqual({
      created: ['Registry', 'Succeeded', 'registry.example.com', 'Premium'],
      systemData: true,
      updated: [{ a: 'b' }, true],
      tokens: [130, 'token229'],
      token: 'disabled',
      gone: [404, 'ResourceNotFound'],
      credentials: { username: 'b', passwords: [{ name: 'password1', value: 'shown once' }] },
      free: false,
      copy: ['west', 'Succeeded'],
      copies: [],
      registries: [['Registry'], ['Registry']],
      refused: [400, 'InvalidResourceName', expect.any(String)],
      registriesAfter: [],
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);

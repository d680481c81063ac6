import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry';
import { resourceGroup, subscriptionId } from '../operations/index.ts';

/*
 * The published client at work, against the URL that it is told, and what it saw as JSON. A process of its own, because
 * it trusts what NODE_EXTRA_CA_CERTS says at its start, and refuses plain HTTP.
 */

type Refusal = Error & { statusCode: number; code: string };

/** What the client was told, by the name of the step. */
export type Seen = Record<string, unknown>;

const url = process.argv[2]!;
const credential = { getToken: async () => ({ token: 'secret', expiresOnTimestamp: Date.now() + 3_600_000 }) };
const client = new ContainerRegistryManagementClient(credential, subscriptionId, {
  endpoint: url,
  retryOptions: { maxRetries: 0 },
});
const seen: Seen = {};
const fast = { updateIntervalInMs: 5 };
const names = async (list: AsyncIterable<{ name?: string }>) => {
  const found: (string | undefined)[] = [];
  for await (const one of list) found.push(one.name);
  return found;
};
const created = await client.registries.create(
  resourceGroup,
  'Registry',
  { location: 'here', sku: { name: 'Premium' } },
  fast,
);
seen.created = [created.name, created.provisioningState, created.loginServer, created.sku?.name];
seen.systemData = created.systemData?.createdAt instanceof Date;
const updated = await client.registries.update(
  resourceGroup,
  'Registry',
  { tags: { a: 'b' }, adminUserEnabled: true },
  fast,
);
seen.updated = [updated.tags, updated.adminUserEnabled];
for (let n = 100; n < 230; n++)
  await client.tokens.create(resourceGroup, 'Registry', 'token' + n, { scopeMapId: 'map', status: 'enabled' }, fast);
const tokens = await names(client.tokens.list(resourceGroup, 'Registry'));
seen.tokens = [tokens.length, tokens.at(-1)];
seen.token = (await client.tokens.update(resourceGroup, 'Registry', 'token100', { status: 'disabled' }, fast)).status;
await client.tokens.delete(resourceGroup, 'Registry', 'token100', fast);
seen.gone = await client.tokens
  .get(resourceGroup, 'Registry', 'token100')
  .catch((error: Refusal) => [error.statusCode, error.code]);
seen.credentials = await client.registries.generateCredentials(resourceGroup, 'Registry', { tokenId: 'a/b' }, fast);
seen.free = (
  await client.registries.checkNameAvailability({ name: 'Registry', type: 'Microsoft.ContainerRegistry/registries' })
).nameAvailable;
const copy = await client.replications.create(resourceGroup, 'Registry', 'west', { location: 'there' }, fast);
seen.copy = [copy.name, copy.provisioningState];
await client.replications.delete(resourceGroup, 'Registry', 'west', fast);
seen.copies = await names(client.replications.list(resourceGroup, 'Registry'));
seen.registries = [
  await names(client.registries.list()),
  await names(client.registries.listByResourceGroup(resourceGroup)),
];
seen.refused = await client.registries
  .create(resourceGroup, 'no', { location: 'here', sku: { name: 'Premium' } }, fast)
  .catch((error: Refusal) => [error.statusCode, error.code, error.message.slice(0, 11)]);
await client.registries.delete(resourceGroup, 'Registry', fast);
seen.registriesAfter = await names(client.registries.list());
process.stdout.write(JSON.stringify(seen));

import { isIP } from 'node:net';
import type { Transaction } from '../database/index.ts';
import { groupScope, ManagementError, parseArmId } from '../operations/index.ts';
import { registryType } from '../registries/index.ts';
import { builtInResource, type Mirror, type Resource, type ResourceBody, type Resources } from '../resources/index.ts';
import { dataHostOf, type NetworkConfig } from './config.ts';
import { connectionType, linkResourceType } from './contract.ts';
import { dnsRecordsOf, privateZoneOf } from './dns-records.ts';
import { wayOf } from './facts.ts';

export interface NetworkHandlerOptions {
  config: NetworkConfig;
  /** Of all registries. */
  domain: string;
  resources: Resources;
  mirror: Mirror;
  /** Where clients of a registry log in, as whoever asks may reach it; with a port perhaps. */
  loginServer(name: string, origin: string): string;
}

interface WriteContext {
  id: string;
  tx: Transaction;
}

interface Shown {
  id: string;
  origin: string;
}

const groupId = 'registry';

/** Private endpoint connections: what speaks against a write, and what is shown of them (acr §4.3). */
export function connectionHandlers(options: NetworkHandlerOptions) {
  const { config, resources } = options;
  return {
    async beforeWrite({ id, tx }: WriteContext, next: ResourceBody, previous: Resource | undefined) {
      const properties = kept(next.properties, previous?.properties);
      requireIdentified(properties, previous?.properties);
      requireMayBecome(properties, previous?.properties);
      const way = wayOf(properties, config);
      for (const other of await siblings(resources, id, tx)) {
        if (parseArmId(other.id)!.key === parseArmId(id)!.key || wayOf(other.properties, config) !== way) continue;
        throw new ManagementError(
          'Conflict',
          `the private endpoint connection ${other.name} has this listener or link; delete that first`,
          { target: 'properties' },
        );
      }
      return { ...next, properties };
    },
    present: () => ({ groupIds: [groupId] }),
    actions: {
      listDnsRecords({ origin }: Shown, input: unknown, resource: Resource) {
        const { ipAddresses } = input as { ipAddresses?: string[] };
        const registry = parseArmId(parseArmId(resource.id)!.parent!)!.name;
        const names = { hosts: hostsOf(options, registry, origin), domain: options.domain };
        return { zones: dnsRecordsOf(names, ipAddresses ?? addressesOf(resource, config)) };
      },
    },
  };
}

/** What a private endpoint can lead to. It exists with its registry, and nobody writes it. */
export function linkResourceHandlers({ config, domain }: NetworkHandlerOptions) {
  const of = (registryId: string) => [builtInResource(`${registryId}/privateLinkResources/${groupId}`, {})];
  return {
    builtIns: ({ id }: { id: string }) => {
      const arm = parseArmId(id);
      return arm?.type.toLowerCase() === linkResourceType.type.toLowerCase() ? of(arm.parent!) : of(id);
    },
    present: () => ({
      groupId,
      requiredMembers: [groupId, `registry_data_${config.region}`],
      requiredZoneNames: [privateZoneOf(domain)],
    }),
  };
}

/** What is shown of a registry itself. */
export function presentNetwork(
  { mirror, config, domain }: NetworkHandlerOptions,
  { id, name, properties }: Resource,
): Record<string, unknown> {
  const connections = mirror.list(connectionType.type, id);
  return {
    dataEndpointHostNames: properties['dataEndpointEnabled'] === true ? [dataHostOf(config, domain, name)] : [],
    privateEndpointConnections: connections.map((connection) => ({
      id: connection.id,
      name: connection.name,
      type: connectionType.type,
      properties: { ...connection.properties, groupIds: [groupId], provisioningState: 'Succeeded' },
    })),
  };
}

/** Clients that write what ACR has leave out what is ours: that stays as it was. */
function kept(next: Record<string, unknown>, previous: Record<string, unknown> | undefined): Record<string, unknown> {
  const { listener, linkId, privateEndpoint } = previous ?? {};
  const before = { listener, linkId, privateEndpoint };
  const own = Object.fromEntries(Object.entries(before).filter(([, value]) => value !== undefined));
  return { ...own, ...next };
}

function requireIdentified(next: Record<string, unknown>, previous: Record<string, unknown> | undefined): void {
  const named = ['listener', 'linkId'].filter((key) => next[key] !== undefined);
  if (!previous && named.length !== 1) {
    throw new ManagementError(
      'InvalidRequestContent',
      'properties must have either a listener or a linkId, by which requests of this private endpoint are known',
      { target: 'properties' },
    );
  }
  const changed = previous && ['listener', 'linkId'].find((key) => next[key] !== previous[key]);
  if (changed === undefined) return;
  throw new ManagementError(
    'PropertyChangeNotAllowed',
    `properties.${changed} cannot be changed; delete the connection and create it anew`,
    { target: `properties.${changed}` },
  );
}

const statusOf = (properties: Record<string, unknown> | undefined) =>
  (properties?.['privateLinkServiceConnectionState'] as { status?: string } | undefined)?.status;

/** What was disconnected is over (ARM): whoever had it asks anew. */
function requireMayBecome(next: Record<string, unknown>, previous: Record<string, unknown> | undefined): void {
  if (statusOf(previous) !== 'Disconnected' || statusOf(next) === 'Disconnected') return;
  throw new ManagementError('Conflict', 'the connection was disconnected; delete it and create it anew', {
    target: 'properties.privateLinkServiceConnectionState.status',
  });
}

async function siblings(resources: Resources, id: string, tx: Transaction): Promise<Resource[]> {
  const { parent } = parseArmId(id)!;
  const found: Resource[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const page = await resources.list({ type: connectionType.type, parent, after }, tx);
    found.push(...page.resources);
    after = page.after;
  }
  return found;
}

/** The names under which clients reach a registry. */
function hostsOf({ config, domain, loginServer }: NetworkHandlerOptions, registry: string, origin: string): string[] {
  const login = new URL(`http://${loginServer(registry, origin)}`).hostname.replace(/^\[(.*)\]$/, '$1');
  return [login, dataHostOf(config, domain, registry)];
}

function addressesOf({ properties: { listener } }: Resource, { listeners }: NetworkConfig): string[] {
  const found = listeners.find((one) => wayOf({ listener }, { listeners }) === `listener:${one.name}`);
  const host = found?.listen.host;
  if (host !== undefined && isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::') return [host];
  throw new ManagementError(
    'InvalidRequestContent',
    'ipAddresses is missing: give the addresses that the private endpoint has in the network of its clients',
    { target: 'ipAddresses' },
  );
}

/** The resource of a registry that an id is or lies in, as a key; undefined where it lies in none. */
export function registryKeyOf(id: string): string | undefined {
  const head = `${groupScope}/providers/${registryType.type}/`.toLowerCase();
  const key = parseArmId(id)?.key ?? '';
  if (!key.startsWith(head)) return undefined;
  return head + key.slice(head.length).split('/', 1)[0]!;
}

import type { PropertiesOf, ResourceType } from '../operations/index.ts';
import { registryType } from '../registries/index.ts';
import type { Mirror, Resource } from '../resources/index.ts';
import type { CheckedNetwork } from './checks.ts';
import type { NetworkConfig } from './config.ts';
import { connectionType, type ConnectionStatus } from './contract.ts';
import { compileIpRules, type IpRules } from './ip-rules.ts';

export interface Connection {
  name: string;
  status: ConnectionStatus;
}

/** Who gets into a registry, by which way. */
export interface NetworkFacts {
  name: string;
  resourceId: string;
  /** Whether everybody gets in by the public way: nothing has to be asked there. */
  isOpen: boolean;
  publicNetworkAccess: 'Enabled' | 'Disabled';
  rules: IpRules;
  /** Principal ids of those that get in by the public way whatever the rules say. */
  trusted: ReadonlySet<string>;
  /** Private endpoints, by the way that leads to them. */
  connections: ReadonlyMap<string, Connection>;
  dataEndpointEnabled: boolean;
}

/** A registry that is not known, or cannot be read, lets nobody in by any way but the public one; gates behind say no. */
export interface NetworkDirectory {
  /** By its id in the catalog. */
  of(registryId: number): NetworkFacts | undefined;
  /** By the key of its resource. */
  at(key: string): NetworkFacts | undefined;
}

type Rules = Pick<NetworkFacts, 'isOpen' | 'publicNetworkAccess' | 'rules' | 'trusted' | 'dataEndpointEnabled'>;

/** What is compiled once from a resource, which is another object as soon as it says something else. */
const compiled = new WeakMap<Resource, Rules | undefined>();

/** Reads what decides about networks from the resources that this process knows. */
export function readNetworks(
  mirror: Mirror,
  registries: readonly { id: number; resourceId: string; name: string }[],
  config: Pick<NetworkConfig, 'listeners'>,
): NetworkDirectory {
  const byId = new Map<number, NetworkFacts>();
  const byKey = new Map<string, NetworkFacts>();
  for (const { id, name, resourceId } of registries) {
    const resource = mirror.get(resourceId);
    const rules = resource && rulesOf(resource);
    if (!rules) continue;
    const facts = { ...rules, name, resourceId, connections: connectionsOf(mirror, resourceId, config) };
    byId.set(id, facts);
    byKey.set(resource.key, facts);
  }
  return { of: (id) => byId.get(id), at: (key) => byKey.get(key) };
}

function rulesOf(resource: Resource): Rules | undefined {
  if (!compiled.has(resource)) {
    const properties = propertiesOf(registryType, resource);
    compiled.set(resource, properties && compile(properties));
  }
  return compiled.get(resource);
}

function compile(properties: PropertiesOf<typeof registryType>): Rules {
  const { publicNetworkAccess, networkRuleSet, networkRuleBypassOptions, trustedIdentities } = properties;
  const denies = networkRuleSet.defaultAction === 'Deny';
  return {
    isOpen: publicNetworkAccess === 'Enabled' && !denies,
    publicNetworkAccess,
    rules: compileIpRules(denies ? networkRuleSet.ipRules : []),
    trusted: new Set(networkRuleBypassOptions === 'None' ? [] : trustedIdentities),
    dataEndpointEnabled: properties.dataEndpointEnabled,
  };
}

function connectionsOf(mirror: Mirror, resourceId: string, config: Pick<NetworkConfig, 'listeners'>) {
  const connections = new Map<string, Connection>();
  for (const resource of mirror.list(connectionType.type, resourceId)) {
    const properties = connectionOf(resource);
    const way = properties && wayOf(properties, config);
    if (way === undefined) continue;
    connections.set(way, { name: resource.name, status: properties!.privateLinkServiceConnectionState.status });
  }
  return connections;
}

const read = new WeakMap<Resource, PropertiesOf<typeof connectionType> | undefined>();

function connectionOf(resource: Resource): PropertiesOf<typeof connectionType> | undefined {
  if (!read.has(resource)) read.set(resource, propertiesOf(connectionType, resource));
  return read.get(resource);
}

/** What the advisor looks at of registries. */
export function checkedNetworksOf(
  mirror: Mirror,
  registries: readonly { id: number; resourceId: string; name: string }[],
  config: Pick<NetworkConfig, 'listeners'>,
): CheckedNetwork[] {
  const networks = readNetworks(mirror, registries, config);
  const known = new Set(config.listeners.map(({ name }) => `listener:${name}`));
  return registries.flatMap(({ id, name, resourceId }) => {
    const facts = networks.of(id);
    if (!facts) return [];
    const connections = mirror.list(connectionType.type, resourceId).flatMap((resource) => {
      const { listener } = resource.properties;
      if (typeof listener !== 'string') return [];
      const isKnown = known.has(wayOf({ listener }, config)!);
      return [{ name: resource.name, resourceId: resource.id, listener, known: isKnown }];
    });
    return [{ name, resourceId, isOpen: facts.isOpen, connections }];
  });
}

/** What the way of a private endpoint is called in a request; undefined where it says none. */
export function wayOf(
  { listener, linkId }: { listener?: unknown; linkId?: unknown },
  { listeners }: Pick<NetworkConfig, 'listeners'>,
): string | undefined {
  if (typeof linkId === 'string') return `link:${linkId}`;
  if (typeof listener !== 'string') return undefined;
  const found = listeners.find(({ name, listen }) => listener === name || sameAddress(listener, listen));
  return `listener:${found?.name ?? listener}`;
}

function sameAddress(text: string, { host, port }: { host: string; port: number }): boolean {
  const written = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return text.toLowerCase() === written.toLowerCase();
}

function propertiesOf<T extends ResourceType>(type: T, { properties }: Resource): PropertiesOf<T> | undefined {
  return type.properties.safeParse(properties).data as PropertiesOf<T> | undefined;
}

import { createHash } from 'node:crypto';
import {
  type AssignedPrincipal,
  compilePolicy,
  type Grant,
  parseScopeMapActions,
  type PolicySource,
  type RoleAssignment,
  systemScopeMaps,
} from '../access/index.ts';
import { armKey, parseArmId, type PropertiesOf, type ResourceType } from '../operations/index.ts';
import { factsOf, registryType } from '../registries/index.ts';
import type { Mirror, Resource } from '../resources/index.ts';
import {
  federatedCredentialType,
  identityType,
  roleAssignmentType,
  roleDefinitionType,
  scopeMapType,
  tokenType,
  trustedIssuerType,
} from './contract.ts';
import {
  createDirectory,
  type Directory,
  type FederatedCredential,
  type IdentityFacts,
  type TokenFacts,
} from './directory.ts';
import type { TrustedIssuer } from './federation/index.ts';
import { principalIdOf } from './principal-id.ts';

/** What is so without any resource. */
export interface Standing {
  assignments: readonly RoleAssignment[];
  issuers: readonly TrustedIssuer[];
  identities: readonly IdentityFacts[];
  credentials: readonly FederatedCredential[];
  /** Told of assignments that allowed something. */
  used?: Directory['used'];
}

/**
 * Reads the directory from the resources that this process knows. `catalogIds` has the id of each registry by its name.
 * What a resource says wrongly counts as not said: it grants nothing, and keeps nobody else from working.
 */
export function readDirectory(
  mirror: Mirror,
  catalogIds: ReadonlyMap<string, number>,
  standing: Standing,
  before?: Directory,
): Directory {
  const registries = listOf(mirror, registryType).flatMap(({ resource, properties }) => {
    const id = catalogIds.get(resource.name.toLowerCase());
    return id === undefined ? [] : [factsOf(resource, properties, id)];
  });
  const registryOf = new Map(registries.map((registry) => [armKey(registry.resourceId), registry]));
  const identities = new Map(listOf(mirror, identityType).map((found) => [found.resource.key, identityOf(found)]));
  const source = {
    registries: registries.map(({ name, resourceId, roleAssignmentMode }) => ({
      name,
      id: resourceId,
      roleAssignmentMode,
    })),
    roleDefinitions: listOf(mirror, roleDefinitionType).map(({ resource, properties }) => ({
      ...properties,
      id: resource.id,
      name: resource.name,
      type: 'CustomRole',
    })),
    assignments: [...standing.assignments, ...listOf(mirror, roleAssignmentType).flatMap(assignmentOf)],
  } satisfies PolicySource;
  // What was compiled for the one before is taken over.
  const policy = compilePolicy(source, before?.policy);
  const tokens = listOf(mirror, tokenType).flatMap(({ resource, properties }): TokenFacts[] => {
    const registry = registryOf.get(resource.parent);
    if (!registry) return [];
    const enabled = properties.status === 'enabled';
    const grants = grantsOf(mirror, properties.scopeMapId, resource.parent);
    return [{ name: resource.name, registryId: registry.id, enabled, grants }];
  });
  const credentials = listOf(mirror, federatedCredentialType).flatMap(({ resource, properties }) => {
    const identity = identities.get(resource.parent);
    return identity ? [credentialOf(resource.id, identity, properties)] : [];
  });
  const vouching = [identityType, federatedCredentialType, trustedIssuerType].flatMap(({ type }) => mirror.list(type));
  return createDirectory({
    vouching: sameList(before?.vouching, vouching),
    policy,
    registries,
    tokens,
    ...(standing.used && { used: standing.used }),
    identities: [...standing.identities, ...identities.values()],
    credentials: [...standing.credentials, ...credentials],
    issuers: [...standing.issuers, ...listOf(mirror, trustedIssuerType).map(issuerOf)],
  });
}

const parsed = new WeakMap<Resource, unknown>();

/**
 * The resources of a type with their properties. Each is read once: those that have not changed stay the same objects. What
 * cannot be read, because another version wrote it, is left out.
 */
export function listOf<T extends ResourceType>(mirror: Mirror, type: T): Found<T>[] {
  return mirror.list(type.type).flatMap((resource) => {
    const properties = propertiesOf(type, resource);
    return properties ? [{ resource, properties }] : [];
  });
}

function propertiesOf<T extends ResourceType>(type: T, resource: Resource): PropertiesOf<T> | undefined {
  if (!parsed.has(resource)) parsed.set(resource, type.properties.safeParse(resource.properties).data);
  return parsed.get(resource) as PropertiesOf<T> | undefined;
}

export type Found<T extends ResourceType> = { resource: Resource; properties: PropertiesOf<T> };

function credentialOf(
  id: string,
  identity: IdentityFacts,
  { issuer, audiences, subject, claims = {} }: PropertiesOf<typeof federatedCredentialType>,
): FederatedCredential {
  const says = JSON.stringify([issuer, audiences, subject, Object.entries(claims).toSorted()]);
  const mark = createHash('sha256').update(says).digest('base64url').slice(0, 16);
  return { id, identity, issuer, audiences, subject, claims, mark };
}

/** The list before, where nothing in it has changed. */
function sameList(before: object | undefined, now: readonly object[]): object {
  const same = Array.isArray(before) && before.length === now.length && now.every((one, at) => one === before[at]);
  return same ? before : now;
}

const issuers = new WeakMap<Resource, TrustedIssuer>();

/** One object for as long as it says the same: what is known of its keys hangs on that. */
function issuerOf({ resource, properties }: Found<typeof trustedIssuerType>): TrustedIssuer {
  const known = issuers.get(resource) ?? { name: resource.name, ...properties };
  issuers.set(resource, known);
  return known;
}

function identityOf({ resource, properties }: Found<typeof identityType>): IdentityFacts {
  return { principalId: principalIdOf(resource), name: resource.name, enabled: properties.status === 'enabled' };
}

export function assignmentOf({ resource, properties }: Found<typeof roleAssignmentType>): RoleAssignment[] {
  const { condition, conditionVersion, roleDefinitionId, ...whom } = properties;
  const principal = assigned(whom);
  if (!principal) return [];
  return [
    {
      id: resource.id,
      name: resource.name,
      scope: parseArmId(resource.id)!.parent!,
      roleDefinitionId,
      principal,
      ...(condition !== undefined && { condition }),
      ...(conditionVersion !== undefined && { conditionVersion }),
    },
  ];
}

function assigned({
  principalType,
  principalId,
  issuer,
  claims,
}: Pick<PropertiesOf<typeof roleAssignmentType>, 'principalType' | 'principalId' | 'issuer' | 'claims'>):
  | AssignedPrincipal
  | undefined {
  if (principalType === 'Claims') return issuer && claims ? { type: 'Claims', issuer, claims } : undefined;
  if (principalId === undefined) return undefined;
  if (principalType !== 'Group') return { type: 'Identity', id: principalId };
  return issuer ? { type: 'Group', issuer, group: principalId } : undefined;
}

/** What a scope map of the same registry allows; a token whose map is gone may do nothing. */
function grantsOf(mirror: Mirror, scopeMapId: string, registry: string): Grant[] {
  const id = parseArmId(scopeMapId);
  if (!id || armKey(id.parent ?? '') !== registry) return [];
  const system = Object.hasOwn(systemScopeMaps, id.name) ? systemScopeMaps[id.name] : undefined;
  if (system) return parseScopeMapActions(system.actions);
  const resource = mirror.get(id.id);
  const properties = resource && propertiesOf(scopeMapType, resource);
  if (!properties) return [];
  const known = grants.get(resource) ?? parseScopeMapActions(properties.actions.filter(isReadable));
  grants.set(resource, known);
  return known;
}

/** What scope maps allow; each is read once. */
const grants = new WeakMap<Resource, Grant[]>();

/** Whether this version knows an action: what another one wrote must not keep the directory from being read. */
function isReadable(action: string): boolean {
  try {
    return parseScopeMapActions([action]).length > 0;
  } catch {
    return false;
  }
}

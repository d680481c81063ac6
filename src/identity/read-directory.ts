import { compilePolicy, type PolicySource, type RoleAssignment, type RoleDefinition } from '../access/index.ts';
import { armKey, parseArmId } from '../operations/index.ts';
import { factsOf, registryType } from '../registries/index.ts';
import type { Mirror } from '../resources/index.ts';
import {
  federatedCredentialType,
  identityType,
  roleAssignmentType,
  roleDefinitionType,
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
import { assignmentOf, credentialOf, grantsOf, identityOf, issuerOf, listOf } from './read-resources.ts';

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
    roleDefinitions: rolesOf(mirror),
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
  const credentials = credentialsOf(mirror).flatMap(({ resource, properties }) => {
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

/**
 * Federated credentials, those first that have said the same for longest: of several that fit a token the first counts, so
 * that nobody takes the tokens of an identity over to another one by writing a credential of that.
 */
function credentialsOf(mirror: Mirror) {
  const all = listOf(mirror, federatedCredentialType);
  return all.toSorted((one, other) => one.resource.updatedAt - other.resource.updatedAt);
}

/** Custom roles. Of two with one GUID, which two nodes may have let in, the older one is last, and so the one that counts. */
function rolesOf(mirror: Mirror): RoleDefinition[] {
  return listOf(mirror, roleDefinitionType)
    .toSorted((one, other) => other.resource.createdAt - one.resource.createdAt)
    .map(({ resource, properties }) => ({
      ...properties,
      id: resource.id,
      name: resource.name,
      type: 'CustomRole',
      madeAt: parseArmId(resource.id)!.parent!,
    }));
}

/** The list before, where nothing in it has changed. */
function sameList(before: object | undefined, now: readonly object[]): object {
  const same = Array.isArray(before) && before.length === now.length && now.every((one, at) => one === before[at]);
  return same ? before : now;
}

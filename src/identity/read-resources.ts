import { createHash } from 'node:crypto';
import {
  type AssignedPrincipal,
  type Grant,
  parseScopeMapActions,
  type RoleAssignment,
  systemScopeMaps,
} from '../access/index.ts';
import { armKey, parseArmId, type PropertiesOf, type ResourceType } from '../operations/index.ts';
import type { Mirror, Resource } from '../resources/index.ts';
import {
  type federatedCredentialType,
  type identityType,
  type roleAssignmentType,
  scopeMapType,
  type trustedIssuerType,
} from './contract.ts';
import type { FederatedCredential, IdentityFacts } from './directory.ts';
import type { TrustedIssuer } from './federation/index.ts';
import { principalIdOf } from './principal-id.ts';

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

type Found<T extends ResourceType> = { resource: Resource; properties: PropertiesOf<T> };

export function credentialOf(
  id: string,
  identity: IdentityFacts,
  { issuer, audiences, subject, claims = {} }: PropertiesOf<typeof federatedCredentialType>,
): FederatedCredential {
  const says = JSON.stringify([issuer, audiences, subject, Object.entries(claims).toSorted()]);
  const mark = createHash('sha256').update(says).digest('base64url').slice(0, 16);
  return { id, identity, issuer, audiences, subject, claims, mark };
}

const issuers = new WeakMap<Resource, TrustedIssuer>();

/** One object for as long as it says the same: what is known of its keys hangs on that. */
export function issuerOf({ resource, properties }: Found<typeof trustedIssuerType>): TrustedIssuer {
  const known = issuers.get(resource) ?? { name: resource.name, ...properties };
  issuers.set(resource, known);
  return known;
}

export function identityOf({ resource, properties }: Found<typeof identityType>): IdentityFacts {
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
export function grantsOf(mirror: Mirror, scopeMapId: string, registry: string): Grant[] {
  const id = parseArmId(scopeMapId);
  if (id?.type.toLowerCase() !== scopeMapType.type.toLowerCase() || armKey(id.parent ?? '') !== registry) return [];
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

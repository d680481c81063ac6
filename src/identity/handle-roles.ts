import { builtInRoles, parseArmScope, parseCondition, roleKey } from '../access/index.ts';
import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { armKey, ManagementError, parseArmId } from '../operations/index.ts';
import {
  builtInResource,
  type ListQuery,
  type Mirror,
  type Page,
  type Resource,
  type ResourceBody,
} from '../resources/index.ts';
import { roleAssignmentType, roleDefinitionType } from './contract.ts';
import type { Directory } from './directory.ts';

export interface RoleHandlerOptions {
  mirror: Mirror;
  directory(): Directory;
}

interface Context {
  tx: Transaction;
  id: string;
  name: string;
}

/** Where an extension lies. */
const scopeOf = (id: string) => parseArmId(id)?.parent ?? '/';

/** Role definitions: the built-in ones are there at each scope; custom ones can be assigned where they were made, and below. */
export function roleDefinitionHandlers({ mirror }: RoleHandlerOptions) {
  return {
    builtIns({ id }: { id: string }): readonly Resource[] {
      const scope = parseArmId(id)?.type.toLowerCase() === roleDefinitionType.type.toLowerCase() ? scopeOf(id) : id;
      return builtInRoles.map((role) => builtInRole(scope, role));
    },
    beforeWrite({ id, name }: Context, { properties }: ResourceBody): void {
      const { roleName } = properties as { roleName: string };
      const taken = (other: { name: string; roleName: unknown }) =>
        other.name.toLowerCase() !== name.toLowerCase() &&
        String(other.roleName).toLowerCase() === roleName.toLowerCase();
      const custom = mirror.list(roleDefinitionType.type);
      const all = [...builtInRoles, ...custom.map((one) => ({ name: one.name, roleName: one.properties['roleName'] }))];
      if (all.some(taken)) {
        throw new ManagementError('Conflict', `there is a role called ${roleName} already; choose another name`, {
          target: 'properties.roleName',
        });
      }
      if (builtInRoles.some((role) => role.name.toLowerCase() === name.toLowerCase())) {
        throw new ManagementError('Conflict', 'this is the id of a built-in role; choose another GUID');
      }
      // Assignments name a role by its GUID alone: whoever owns one registry would change what is assigned elsewhere.
      if (custom.some((other) => other.name.toLowerCase() === name.toLowerCase() && other.key !== armKey(id))) {
        throw new ManagementError('Conflict', 'this is the id of a role at another scope; choose another GUID');
      }
    },
    present: ({ own }: Resource) => ({ type: own?.['builtIn'] === true ? 'BuiltInRole' : 'CustomRole' }),
    list: (context: { id: string }, query: ListQuery) =>
      pageOf(concerning(context.id, mirror, roleDefinitionType), query),
  };
}

function builtInRole(scope: string, { name, roleName, description, permissions }: (typeof builtInRoles)[number]) {
  const id = `${scope === '/' ? '' : scope}/providers/${roleDefinitionType.type}/${name}`;
  return builtInResource(id, { roleName, description, permissions, assignableScopes: ['/'] }, { builtIn: true });
}

/** Role assignments. What could grant nothing, because it is not understood, is refused when it is written. */
export function roleAssignmentHandlers({ mirror, directory }: RoleHandlerOptions) {
  return {
    beforeWrite({ id, name }: Context, { properties }: ResourceBody): void {
      const assigned = properties as {
        roleDefinitionId: string;
        principalType: string;
        principalId?: string;
        issuer?: string;
        claims?: Record<string, string>;
        condition?: string;
      };
      const scope = scopeOf(id);
      if (!parseArmScope(scope)) refuse('the scope', 'is not one that a role can be assigned at');
      requireRole(mirror, assigned.roleDefinitionId, scope);
      if (assigned.condition !== undefined) requireCondition(assigned.condition);
      requirePrincipal(directory(), assigned);
      const same = mirror
        .list(roleAssignmentType.type)
        .find(
          (other) =>
            other.parent === armKey(scope) &&
            other.name.toLowerCase() !== name.toLowerCase() &&
            isSame(other, assigned),
        );
      if (same) {
        throw new ManagementError('RoleAssignmentExists', `the role assignment exists already: ${same.name}`);
      }
    },
    present: (resource: Resource) => ({
      scope: scopeOf(resource.id),
      createdOn: new Date(resource.createdAt).toISOString(),
      updatedOn: new Date(resource.updatedAt).toISOString(),
      createdBy: resource.createdBy,
    }),
    list: (context: { id: string }, query: ListQuery) =>
      pageOf(concerning(context.id, mirror, roleAssignmentType), query),
  };
}

/** Those at, above and below a scope, as ARM lists them. */
function concerning(id: string, mirror: Mirror, { type }: { type: string }): Resource[] {
  const key = armKey(id) ?? '/';
  return mirror.list(type).filter(({ parent }) => isAtOrBelow(key, parent) || isAtOrBelow(parent, key));
}

function pageOf(all: readonly Resource[], { after = '', limit = 100 }: ListQuery): Page {
  const rest = all.filter(({ key }) => key > after);
  const resources = rest.slice(0, limit);
  return { resources, after: rest.length > limit ? resources.at(-1)!.key : undefined };
}

function requireRole(mirror: Mirror, roleDefinitionId: string, scope: string): void {
  const key = roleKey(roleDefinitionId);
  const known = (name: string) => name.toLowerCase() === key;
  if (builtInRoles.some(({ name }) => known(name))) return;
  const custom = mirror.list(roleDefinitionType.type).filter(({ name }) => known(name));
  if (custom.some(({ parent }) => isAtOrBelow(armKey(scope) ?? '', parent))) return;
  if (custom.length > 0) refuse('properties.roleDefinitionId', 'is a role that can be assigned only where it was made');
  refuse('properties.roleDefinitionId', 'is no role that is known here; bonded role definition list shows them');
}

/** Whether a scope is another one or lies in it, by their keys. */
function isAtOrBelow(key: string, outer: string): boolean {
  return outer === '/' || key === outer || key.startsWith(`${outer}/`);
}

function requirePrincipal(
  directory: Directory,
  {
    principalType,
    principalId,
    issuer,
    claims,
  }: {
    principalType: string;
    principalId?: string;
    issuer?: string;
    claims?: Record<string, string>;
  },
): void {
  if (principalType === 'Claims' || principalType === 'Group') {
    if (issuer === undefined || !directory.issuers.some((trusted) => trusted.issuer === issuer)) {
      refuse('properties.issuer', 'must be the issuer of a trusted issuer; bonded issuer list shows them');
    }
    if (principalType === 'Claims' && Object.keys(claims ?? {}).length === 0) {
      refuse('properties.claims', 'must name a claim: whoever the issuer vouches for would have the role');
    }
    if (principalType === 'Group' && principalId === undefined) refuse('properties.principalId', 'must be the group');
    return;
  }
  if (principalId === undefined) refuse('properties.principalId', 'is missing; it is the principalId of an identity');
  if (!directory.identity(principalId)) {
    refuse('properties.principalId', 'is no identity that is known here; bonded identity list shows them');
  }
}

function requireCondition(condition: string): void {
  try {
    parseCondition(condition);
  } catch (error) {
    if (error instanceof RegistryError) refuse('properties.condition', error.message);
    throw error;
  }
}

function isSame({ properties }: Resource, assigned: Record<string, unknown>): boolean {
  const same = (name: string) => JSON.stringify(properties[name]) === JSON.stringify(assigned[name]);
  return ['roleDefinitionId', 'principalType', 'principalId', 'issuer', 'claims', 'condition'].every(same);
}

function refuse(target: string, message: string): never {
  throw new ManagementError('InvalidRequestContent', `${target} ${message}`, { target });
}

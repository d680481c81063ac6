import { describe, expect, test } from 'bun:test';
import { assign, customRole, policyOf, robot } from '../../test/support/policies.ts';
import {
  builtInRoles,
  decide,
  decideManagement,
  type Permission,
  permissions,
  type RoleAssignmentMode,
} from './index.ts';

const read = ['content/read', 'metadata/read'] as const;
const write = [...read, 'content/write', 'metadata/write'] as const;
const every = permissions;

/** What each built-in role gives, by mode. Roles that are not named give nothing on data. */
const given: Record<string, Partial<Record<RoleAssignmentMode, readonly Permission[]>>> = {
  AcrPull: { LegacyRegistryPermissions: [...read, 'catalog/read'] },
  AcrPush: { LegacyRegistryPermissions: [...read, 'catalog/read', 'content/write'] },
  AcrDelete: { LegacyRegistryPermissions: ['content/delete', 'metadata/delete'] },
  AcrImageSigner: { LegacyRegistryPermissions: ['sign'], AbacRepositoryPermissions: ['sign'] },
  AcrQuarantineReader: {
    LegacyRegistryPermissions: ['quarantine/read'],
    AbacRepositoryPermissions: ['quarantine/read'],
  },
  AcrQuarantineWriter: {
    LegacyRegistryPermissions: ['quarantine/read', 'quarantine/write'],
    AbacRepositoryPermissions: ['quarantine/read', 'quarantine/write'],
  },
  'Container Registry Repository Reader': { AbacRepositoryPermissions: read },
  'Container Registry Repository Writer': { AbacRepositoryPermissions: write },
  'Container Registry Repository Contributor': {
    AbacRepositoryPermissions: [...write, 'content/delete', 'metadata/delete'],
  },
  'Container Registry Repository Catalog Lister': { AbacRepositoryPermissions: ['catalog/read'] },
  'Container Registry Data Importer and Data Reader': {
    LegacyRegistryPermissions: [...read, 'catalog/read'],
    AbacRepositoryPermissions: [...read, 'catalog/read'],
  },
  Owner: { LegacyRegistryPermissions: every },
  Contributor: { LegacyRegistryPermissions: every },
};
const readers = [...read, 'catalog/read', 'deleted/read', 'quarantine/read'] as const;
for (const name of ['Reader', 'User Access Administrator', 'Role Based Access Control Administrator']) {
  given[name] = { LegacyRegistryPermissions: readers };
}

describe('built-in roles', () => {
  const modes: RoleAssignmentMode[] = ['LegacyRegistryPermissions', 'AbacRepositoryPermissions'];
  for (const { roleName } of builtInRoles) {
    for (const mode of modes) {
      test(`${roleName} in ${mode}`, () => {
        const policy = policyOf([assign(roleName)], mode);
        const target = { registry: 'main', repository: 'team/app' };
        const allowed = permissions.filter((permission) => decide(policy, robot, permission, target).allow);
        expect(allowed.toSorted()).toEqual([...(given[roleName]?.[mode] ?? [])].toSorted());
      });
    }
  }

  test('have the GUIDs of Azure, each once', () => {
    const names = builtInRoles.map((role) => role.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(builtInRoles.find((role) => role.roleName === 'AcrPull')?.name).toBe('7f951dda-4ed3-4680-a7ca-43fe172d538d');
  });

  test('no custom role takes the place of one', () => {
    const impostor = { ...customRole('x', { actions: ['*'] }), name: '7F951DDA-4ed3-4680-a7ca-43fe172d538d' };
    const policy = policyOf([assign('AcrPull')], 'LegacyRegistryPermissions', { roleDefinitions: [impostor] });
    expect(decide(policy, robot, 'content/read', { registry: 'main', repository: 'a' }).allow).toBe(true);
    expect(decide(policy, robot, 'content/write', { registry: 'main', repository: 'a' }).allow).toBe(false);
  });
});

describe('custom roles', () => {
  const allows = (
    set: Parameters<typeof customRole>[1],
    permission: Permission,
    mode: RoleAssignmentMode = 'LegacyRegistryPermissions',
    ...more: Parameters<typeof customRole>[1][]
  ) => {
    const role = customRole('mine', set);
    const others = more.map((one) => customRole('other', one).permissions[0]!);
    const definition = { ...role, permissions: [...role.permissions, ...others] };
    const policy = policyOf([assign('Owner', { roleDefinitionId: role.id })], mode, { roleDefinitions: [definition] });
    return decide(policy, robot, permission, { registry: 'main', repository: 'a' }).allow;
  };

  test('wildcards stand for any characters, and case does not count', () => {
    expect(allows({ actions: ['microsoft.containerregistry/*/READ'] }, 'content/read')).toBe(true);
    expect(allows({ actions: ['microsoft.containerregistry/*/READ'] }, 'content/write')).toBe(false);
    expect(allows({ actions: ['Microsoft.ContainerRegistry/registries/pull'] }, 'content/read')).toBe(false);
    const data = ['Microsoft.ContainerRegistry/registries/repositories/*/write'];
    expect(allows({ dataActions: data }, 'metadata/write', 'AbacRepositoryPermissions')).toBe(true);
    expect(allows({ dataActions: data }, 'metadata/write')).toBe(false);
  });

  test('excluded actions subtract within their set, and from nothing else', () => {
    const push = 'Microsoft.ContainerRegistry/registries/push/write';
    expect(allows({ actions: ['*'], notActions: [push] }, 'content/write')).toBe(false);
    expect(allows({ actions: ['*'], notActions: [push] }, 'content/read')).toBe(true);
    const both = allows({ actions: ['*'], notActions: [push] }, 'content/write', undefined, { actions: [push] });
    expect(both).toBe(true);
    const metadata = 'Microsoft.ContainerRegistry/registries/metadata/read';
    expect(allows({ actions: ['*'], notActions: [metadata] }, 'metadata/read')).toBe(false);
  });

  test('reach the management API by their actions alone', () => {
    const role = customRole('mine', {
      actions: ['Microsoft.ContainerRegistry/registries/*'],
      notActions: ['Microsoft.ContainerRegistry/registries/delete'],
      dataActions: ['Microsoft.ContainerRegistry/registries/tokens/write'],
    });
    const policy = policyOf([assign('Owner', { roleDefinitionId: role.id })], undefined, { roleDefinitions: [role] });
    const scope = assign('Owner').scope;
    const may = (action: string, at = scope) => decideManagement(policy, robot, action, at).allow;
    expect(may('Microsoft.ContainerRegistry/registries/WRITE')).toBe(true);
    expect(may('Microsoft.ContainerRegistry/registries/delete')).toBe(false);
    expect(may('Microsoft.Authorization/roleAssignments/write')).toBe(false);
    expect(may('Microsoft.ContainerRegistry/registries/write', `${scope}/scopeMaps/a`)).toBe(true);
    expect(may('Microsoft.ContainerRegistry/registries/write', `${scope}2`)).toBe(false);
    expect(may('Microsoft.ContainerRegistry/registries/write', 'nonsense')).toBe(false);
  });
});

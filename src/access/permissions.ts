const provider = 'Microsoft.ContainerRegistry/registries';

/** How a registry reads role assignments (acr.md §2.6): by the actions of a role, or by its data actions. */
export type RoleAssignmentMode = 'LegacyRegistryPermissions' | 'AbacRepositoryPermissions';

interface Actions {
  /** What a role must have among its data actions where the mode is AbacRepositoryPermissions. */
  data: string;
  /** What a role must have among its actions where the mode is LegacyRegistryPermissions. */
  legacy: string;
  /** Has the same effect as `legacy`, unless the role excludes that. */
  legacyImpliedBy?: string;
}

/**
 * Each permission on data with its two actions (acr.md §2.6). In Legacy mode, who may pull may also list and read
 * metadata: AcrPull has no other action.
 */
const actions = {
  'content/read': { data: `${provider}/repositories/content/read`, legacy: `${provider}/pull/read` },
  'content/write': { data: `${provider}/repositories/content/write`, legacy: `${provider}/push/write` },
  'content/delete': { data: `${provider}/repositories/content/delete`, legacy: `${provider}/artifacts/delete` },
  'metadata/read': {
    data: `${provider}/repositories/metadata/read`,
    legacy: `${provider}/metadata/read`,
    legacyImpliedBy: `${provider}/pull/read`,
  },
  'metadata/write': { data: `${provider}/repositories/metadata/write`, legacy: `${provider}/metadata/write` },
  'metadata/delete': { data: `${provider}/repositories/metadata/delete`, legacy: `${provider}/artifacts/delete` },
  'catalog/read': {
    data: `${provider}/catalog/read`,
    legacy: `${provider}/catalog/read`,
    legacyImpliedBy: `${provider}/pull/read`,
  },
  'deleted/read': { data: `${provider}/deleted/read`, legacy: `${provider}/deleted/read` },
  'deleted/restore': { data: `${provider}/deleted/restore/action`, legacy: `${provider}/deleted/restore/action` },
  'quarantine/read': { data: `${provider}/quarantinedArtifacts/read`, legacy: `${provider}/quarantine/read` },
  'quarantine/write': { data: `${provider}/quarantinedArtifacts/write`, legacy: `${provider}/quarantine/write` },
  sign: { data: `${provider}/trustedCollections/write`, legacy: `${provider}/sign/write` },
} as const satisfies Record<string, Actions>;

/** What a caller may do with data. */
export type Permission = keyof typeof actions;

export const permissions = Object.keys(actions) as readonly Permission[];

export const permissionActions: Readonly<Record<Permission, Actions>> = actions;

const bits = Object.fromEntries(permissions.map((permission, at) => [permission, 1 << at])) as Record<
  Permission,
  number
>;

/** The bit that stands for a permission in a set of permissions. */
export function bitOf(permission: Permission): number {
  return bits[permission];
}

const dataNames = Object.fromEntries(
  permissions.map((permission) => [permission, [actions[permission].data]]),
) as unknown as Record<Permission, readonly string[]>;

const legacyNames = Object.fromEntries(
  permissions.map((permission) => {
    const { data, legacy, legacyImpliedBy }: Actions = actions[permission];
    return [permission, [...new Set([data, legacy, legacyImpliedBy ?? legacy])]];
  }),
) as unknown as Record<Permission, readonly string[]>;

/**
 * The names under which a condition may mean a permission. In Legacy mode the data action is among them, so that a
 * condition protects a repository in both modes.
 */
export function conditionNames(permission: Permission, mode: RoleAssignmentMode): readonly string[] {
  return (mode === 'LegacyRegistryPermissions' ? legacyNames : dataNames)[permission];
}

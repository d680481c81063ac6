import type { Grant, RoleAssignmentMode } from '../access/index.ts';
import type { SoftDelete, TagMutability } from '../catalog/index.ts';
import type { PropertiesOf } from '../operations/index.ts';
import type { Resource } from '../resources/index.ts';
import { tierNameOf } from '../tiers/index.ts';
import type { registryType } from './contract.ts';
import { mayExport } from './network-contract.ts';
import { softDeleteOf } from './soft-delete.ts';
import type { StorageQuota } from './storage-quota.ts';
import { tagMutabilityOf } from './tag-policy.ts';

/** A registry, as far as access to it goes. */
export interface RegistryFacts {
  /** In the catalog. */
  id: number;
  name: string;
  /** ARM id. */
  resourceId: string;
  /** What its SKU names. */
  tier: string;
  roleAssignmentMode: RoleAssignmentMode;
  adminUserEnabled: boolean;
  /** What everybody may pull: nothing by default. */
  anonymousPull: readonly Grant[];
  /** Whether that is everything; otherwise what is named. */
  anonymousPullEnabled: boolean;
  anonymousPullRepositories: readonly string[];
  /** Whether others may import from it. */
  mayExport: boolean;
  /** Which tags of a repository may move. */
  tagMutability(repository: string): TagMutability | undefined;
  /** Whether nothing can be pulled that nobody has released (acr §4.5). */
  quarantines: boolean;
  /** What becomes of manifests that are deleted. */
  softDelete?: SoftDelete | undefined;
  /** Whether what is known of its manifests can be searched. */
  searchesMetadata: boolean;
  /** How much may be stored in it. */
  storageQuota?: StorageQuota | undefined;
}

/** The facts of a registry's resource; `id` is its own in the catalog. */
export function factsOf(resource: Resource, properties: PropertiesOf<typeof registryType>, id: number): RegistryFacts {
  const { anonymousPullEnabled, anonymousPullRepositories: named, storageQuota } = properties;
  const repositories = anonymousPullEnabled ? ['*'] : named;
  return {
    id,
    name: resource.name,
    resourceId: resource.id,
    tier: tierNameOf(resource),
    roleAssignmentMode: properties.roleAssignmentMode,
    adminUserEnabled: properties.adminUserEnabled,
    anonymousPullEnabled,
    anonymousPullRepositories: named,
    mayExport: mayExport(properties),
    tagMutability: tagMutabilityOf(properties),
    quarantines: properties.policies?.quarantinePolicy?.status.toLowerCase() === 'enabled',
    softDelete: softDeleteOf(properties),
    searchesMetadata: properties.metadataSearch === 'Enabled',
    storageQuota,
    anonymousPull: repositories.map((repository) => ({ repository, permissions: ['content/read', 'metadata/read'] })),
  };
}

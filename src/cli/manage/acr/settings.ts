import type { RoleAssignmentMode } from '../../../access/index.ts';
import type { TagImmutability } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { textFlag, yesNoFlag } from '../flags.ts';
import { pairs } from '../pairs.ts';
import { allWords, wordsFlag } from '../words.ts';
import { networkFlags, networkPropertiesOf, type NetworkSettings } from './network-settings.ts';
import { type StorageFlags, storageFlags } from './storage-quota.ts';
import { exclusionsFlag, immutabilityOf, mutabilityModes } from './tag-immutability.ts';

/** As `az` calls the two modes. */
const modes: Record<'rbac' | 'rbac-abac', RoleAssignmentMode> = {
  rbac: 'LegacyRegistryPermissions',
  'rbac-abac': 'AbacRepositoryPermissions',
};

/** What a registry is created with, and can be changed to. */
export interface RegistrySettings extends NetworkSettings, StorageFlags {
  sku?: string;
  adminEnabled?: boolean;
  anonymousPullEnabled?: boolean;
  anonymousPullRepositories?: (readonly string[])[];
  roleAssignmentMode?: keyof typeof modes;
  tagImmutability?: TagImmutability['mode'];
  tagImmutabilityExclusions?: (readonly string[])[];
  quarantineEnabled?: boolean;
  allowMetadataSearch?: boolean;
  tags?: (readonly string[])[];
}

export const settingFlags = {
  sku: {
    ...textFlag,
    placeholder: 'tier',
    brief: 'Tier (default Premium): Basic, Standard, Premium, or one of tier list',
  },
  adminEnabled: { ...yesNoFlag, brief: 'Whether the admin user may log in with its passwords' },
  anonymousPullEnabled: { ...yesNoFlag, brief: 'Whether everybody may pull everything' },
  anonymousPullRepositories: {
    ...wordsFlag,
    placeholder: 'repository…',
    brief: 'Repositories, or PREFIX/*, that everybody may pull; "" for none',
  },
  roleAssignmentMode: {
    kind: 'enum',
    values: ['rbac', 'rbac-abac'],
    optional: true,
    brief: 'Whether roles can be bounded to repositories (rbac-abac, the default)',
  },
  ...networkFlags,
  tagImmutability: {
    kind: 'enum',
    values: mutabilityModes,
    optional: true,
    brief: 'Which tags may move to another digest',
  },
  tagImmutabilityExclusions: exclusionsFlag,
  quarantineEnabled: { ...yesNoFlag, brief: 'Whether nothing can be pulled that nobody has released' },
  allowMetadataSearch: { ...yesNoFlag, brief: 'Whether what is known of manifests can be searched: acr query' },
  ...storageFlags,
  tags: { ...wordsFlag, placeholder: 'name=value…', brief: 'Tags of the resource; "" for none' },
} as const;

export const locationFlag = { location: { ...textFlag, hidden: true, brief: 'A name for where it is' } } as const;

/** The properties that were given. */
export function propertiesOf({
  adminEnabled,
  anonymousPullEnabled,
  anonymousPullRepositories,
  roleAssignmentMode,
  tagImmutability,
  tagImmutabilityExclusions: exclusions,
  quarantineEnabled,
  allowMetadataSearch: searched,
  ...network
}: RegistrySettings) {
  const repositories = allWords(anonymousPullRepositories);
  if (exclusions && !tagImmutability)
    throw new UsageError('--tag-immutability-exclusions goes with --tag-immutability');
  const { policies: others, ...reached } = networkPropertiesOf(network);
  const status = quarantineEnabled ? ('enabled' as const) : ('disabled' as const);
  const policies = { ...others, ...(quarantineEnabled !== undefined && { quarantinePolicy: { status } }) };
  return {
    ...reached,
    ...(Object.keys(policies).length > 0 && { policies }),
    ...(searched !== undefined && { metadataSearch: searched ? ('Enabled' as const) : ('Disabled' as const) }),
    ...(adminEnabled !== undefined && { adminUserEnabled: adminEnabled }),
    ...(anonymousPullEnabled !== undefined && { anonymousPullEnabled }),
    ...(repositories && { anonymousPullRepositories: repositories }),
    ...(roleAssignmentMode && { roleAssignmentMode: modes[roleAssignmentMode] }),
    ...(tagImmutability && {
      tagImmutability: immutabilityOf('--tag-immutability-exclusions', tagImmutability, exclusions),
    }),
  };
}

export const tagsOf = ({ tags }: { tags?: (readonly string[])[] }) => pairs('--tags', allWords(tags));

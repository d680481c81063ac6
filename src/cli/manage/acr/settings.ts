import type { RoleAssignmentMode } from '../../../access/index.ts';
import { textFlag, yesNoFlag } from '../flags.ts';
import { pairs } from '../pairs.ts';
import { allWords, wordsFlag } from '../words.ts';

/** As `az` calls the two modes. */
const modes: Record<'rbac' | 'rbac-abac', RoleAssignmentMode> = {
  rbac: 'LegacyRegistryPermissions',
  'rbac-abac': 'AbacRepositoryPermissions',
};

/** What a registry is created with, and can be changed to. */
export interface RegistrySettings {
  sku?: string;
  adminEnabled?: boolean;
  anonymousPullEnabled?: boolean;
  anonymousPullRepositories?: (readonly string[])[];
  roleAssignmentMode?: keyof typeof modes;
  tags?: (readonly string[])[];
}

export const settingFlags = {
  sku: { ...textFlag, placeholder: 'tier', brief: 'Tier (default Premium): Basic, Standard, Premium, or one of tier list' },
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
  tags: { ...wordsFlag, placeholder: 'name=value…', brief: 'Tags of the resource; "" for none' },
} as const;

export const locationFlag = { location: { ...textFlag, hidden: true, brief: 'A name for where it is' } } as const;

/** The properties that were given. */
export function propertiesOf({
  adminEnabled,
  anonymousPullEnabled,
  anonymousPullRepositories,
  roleAssignmentMode,
}: RegistrySettings) {
  const repositories = allWords(anonymousPullRepositories);
  return {
    ...(adminEnabled !== undefined && { adminUserEnabled: adminEnabled }),
    ...(anonymousPullEnabled !== undefined && { anonymousPullEnabled }),
    ...(repositories && { anonymousPullRepositories: repositories }),
    ...(roleAssignmentMode && { roleAssignmentMode: modes[roleAssignmentMode] }),
  };
}

export const tagsOf = ({ tags }: { tags?: (readonly string[])[] }) => pairs('--tags', allWords(tags));

import { conditionFor, permissionsOf, replacementsOf, type RoleAssignmentMode } from '../../../access/index.ts';
import { RegistryError } from '../../../errors/index.ts';
import { UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';
import { definitionOf, type Role } from './roles.ts';

/** To what an assignment is bounded. */
export interface BoundFlags {
  repository?: (readonly string[])[];
  condition?: string;
  conditionVersion?: string;
}

export const boundFlags = {
  repository: {
    ...wordsFlag,
    placeholder: 'repository…',
    brief: 'Repositories, or PREFIX/*, to which it is bounded: the condition is written for you',
  },
  condition: { ...textFlag, placeholder: 'text', brief: 'ABAC condition, in the words of Azure' },
  conditionVersion: { ...textFlag, hidden: true, placeholder: '2.0', brief: 'Version of the condition' },
} as const;

/** The condition that the flags mean; undefined where there is none. Throws UsageError. */
export function conditionOf(flags: BoundFlags, role: Role, mode: RoleAssignmentMode): string | undefined {
  const repositories = allWords(flags.repository);
  if (repositories === undefined) return flags.condition;
  if (flags.condition !== undefined)
    throw new UsageError('--condition and --repository say the same; give one of them');
  if (!permissionsOf(definitionOf(role), mode).some((permission) => /^(?:content|metadata)\//.test(permission))) {
    throw new UsageError(`${role.properties.roleName} gives nothing in repositories${insteadOf(role, mode)}`);
  }
  if (repositories.includes('*')) {
    if (repositories.length === 1) return undefined;
    throw new UsageError('--repository: * means all of them, and stands alone');
  }
  try {
    return conditionFor({ repositories });
  } catch (error) {
    if (error instanceof RegistryError) throw new UsageError(`--repository: ${error.message}`);
    throw error;
  }
}

/** What to tell somebody who assigns a role that does nothing with data in a registry; undefined where it is well. */
export function uselessness(role: Role, mode: RoleAssignmentMode): string | undefined {
  const definition = definitionOf(role);
  if (permissionsOf(definition, mode).length > 0 || replacementsOf(definition, mode).length === 0) return undefined;
  return `Note that ${definition.roleName} gives nothing in repositories${insteadOf(role, mode)}`;
}

function insteadOf(role: Role, mode: RoleAssignmentMode): string {
  const others = replacementsOf(definitionOf(role), mode);
  return ` where roles are read as ${mode}${others.length > 0 ? `; there it is ${others.join(' and ')}` : ''}`;
}

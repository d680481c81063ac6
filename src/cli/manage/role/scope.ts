import { groupScope, idOf } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import type { Connection } from '../connect.ts';
import { type RegistryFlag, registryFlag, textFlag } from '../flags.ts';

/** Where a role is assigned. */
export interface ScopeFlags extends RegistryFlag {
  scope?: string;
}

export const scopeFlags = {
  scope: { ...textFlag, placeholder: 'id', brief: 'ARM id of where it holds, such as / for everything' },
  ...registryFlag,
} as const;

const registryIn = new RegExp(`^${groupScope}/providers/${registryType.type}/([^/]+)(?:/|$)`, 'i');

/** The ARM id that the flags mean: a registry, the default one where they say nothing. Throws UsageError. */
export async function scopeOf(connection: Connection, { scope, registry }: ScopeFlags): Promise<string> {
  if (scope === undefined) return idOf(registryType, [await connection.registry(registry)]);
  if (registry !== undefined) throw new UsageError('--scope and --registry say the same; give one of them');
  if (scope !== '/' && !/^\/subscriptions\/./i.test(scope)) {
    const such = idOf(registryType, ['default']);
    throw new UsageError(`--scope is / for everything, or an id such as ${such}; --registry takes a name`);
  }
  return scope;
}

/** The name of the registry that a scope is, or is in. */
export function registryAt(scope: string): string | undefined {
  return registryIn.exec(scope)?.[1];
}

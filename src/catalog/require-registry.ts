import { RegistryError } from '../errors/index.ts';

/** No registry is called so: what is retired has its id behind this. */
export const retired = 'retired:';

/**
 * Throws DENIED where a registry, by the name in its row, was deleted. A process that has not heard of it yet may still lead
 * clients there, and what they push must not be acknowledged, only to be collected.
 */
export function requireRegistry(name: string | undefined): void {
  if (name !== undefined && !name.startsWith(retired)) return;
  throw new RegistryError('DENIED', { message: 'this registry was deleted; create it again to push to it' });
}

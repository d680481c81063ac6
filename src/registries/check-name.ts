import type { Mirror } from '../resources/index.ts';
import { registryType } from './contract.ts';

/** Answers whether a registry of a name can be created (acr §4.1). */
export function checkName(mirror: Mirror, input: unknown) {
  const { name } = input as { name: string };
  const { pattern, says } = registryType.name;
  if (!pattern.test(name)) return { nameAvailable: false, reason: 'Invalid', message: `a registry name has ${says}` };
  const taken = mirror.list(registryType.type).some((other) => other.name.toLowerCase() === name.toLowerCase());
  if (!taken) return { nameAvailable: true };
  return { nameAvailable: false, reason: 'AlreadyExists', message: `the registry ${name} is already in use` };
}

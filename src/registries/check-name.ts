import { ManagementError } from '../operations/index.ts';
import type { Mirror } from '../resources/index.ts';
import { registryType } from './contract.ts';

/** Answers whether a registry of a name can be created (acr §4.1). */
export function checkName(mirror: Mirror, input: unknown, loginServer: (name: string) => string) {
  const { name, type } = input as { name: string; type?: string };
  if (type !== undefined && type.toLowerCase() !== registryType.type.toLowerCase()) {
    throw new ManagementError('InvalidRequestContent', `type must be ${registryType.type}`, { target: 'type' });
  }
  const { pattern, says } = registryType.name;
  if (!pattern.test(name)) return { nameAvailable: false, reason: 'Invalid', message: `a registry name has ${says}` };
  const taken = mirror.list(registryType.type).some((other) => other.name.toLowerCase() === name.toLowerCase());
  if (!taken) return { nameAvailable: true, availableLoginServerName: loginServer(name) };
  return { nameAvailable: false, reason: 'AlreadyExists', message: `the registry ${name} is already in use` };
}

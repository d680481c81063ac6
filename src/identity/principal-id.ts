import { guidOf } from '../operations/index.ts';
import type { Resource } from '../resources/index.ts';

/**
 * Names an identity for role assignments. One that is deleted and made anew is another one, and has none of the rights of
 * the former.
 */
export function principalIdOf({ key, createdAt }: Resource): string {
  return guidOf(`${key}\0${createdAt}`);
}

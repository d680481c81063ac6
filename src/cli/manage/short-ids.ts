import { groupScope } from '../../operations/index.ts';
import { registryType } from '../../registries/index.ts';

/** What the ids of registries and of what is in them begin with; there is nothing else that it could be. */
export const commonPrefix = `${groupScope}/providers/${registryType.type.split('/')[0]}/`;

/** A text for people, with ids that they can take in. */
export function shortIds(text: string): string {
  return text.replaceAll(commonPrefix, '');
}

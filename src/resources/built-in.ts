import { armKey, parseArmId } from '../operations/index.ts';
import type { Resource } from './resource.ts';

/** A resource that always exists and is stored nowhere, such as a built-in role. `own` is for those who present it. */
export function builtInResource(
  id: string,
  properties: Record<string, unknown>,
  own: Record<string, unknown> = {},
): Resource {
  const { key, name, parent, type } = parseArmId(id)!;
  return {
    id,
    key,
    type,
    name,
    parent: armKey(parent!)!,
    properties,
    own,
    etag: name,
    createdAt: 0,
    updatedAt: 0,
    createdBy: '',
    updatedBy: '',
    stamp: 0,
    home: '',
  };
}

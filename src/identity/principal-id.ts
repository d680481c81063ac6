import { createHash } from 'node:crypto';
import type { Resource } from '../resources/index.ts';

/**
 * Names an identity for role assignments. One that is deleted and made anew is another one, and has none of the rights of
 * the former.
 */
export function principalIdOf({ key, createdAt }: Resource): string {
  const hex = createHash('sha256').update(`${key}\0${createdAt}`).digest('hex');
  // The form of a GUID, version 8 (RFC 9562 §5.8).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

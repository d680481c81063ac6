import { requireRepositoryName } from '../oci/index.ts';

export type Route =
  | { kind: 'base' }
  | { kind: 'catalog' }
  | { kind: 'tags'; name: string }
  | { kind: 'manifest'; name: string; reference: string }
  | { kind: 'blob'; name: string; digest: string }
  | { kind: 'uploads'; name: string }
  | { kind: 'upload'; name: string; id: string }
  | { kind: 'referrers'; name: string; digest: string };

/**
 * Reads a path below `/v2` from its end, because repository names contain slashes (distribution-spec "Endpoints").
 * Undefined when the path is none of the API's; NAME_INVALID when it is, around an invalid repository name.
 */
export function matchRoute(path: string): Route | undefined {
  if (path === '/v2/' || path === '/v2') return { kind: 'base' };
  if (!path.startsWith('/v2/')) return undefined;
  if (path === '/v2/_catalog') return { kind: 'catalog' };
  const last = path.lastIndexOf('/');
  const tail = path.slice(last + 1);
  const second = path.lastIndexOf('/', last - 1);
  const word = path.slice(second + 1, last);
  if (tail === 'list' && word === 'tags') return { kind: 'tags', name: nameBefore(path, second) };
  // POST without the final slash is what some clients send.
  if (tail === 'uploads' && word === 'blobs') return { kind: 'uploads', name: nameBefore(path, second) };
  if (word === 'manifests') return { kind: 'manifest', name: nameBefore(path, second), reference: decodeColon(tail) };
  if (word === 'blobs') return { kind: 'blob', name: nameBefore(path, second), digest: decodeColon(tail) };
  if (word === 'referrers') return { kind: 'referrers', name: nameBefore(path, second), digest: decodeColon(tail) };
  if (word !== 'uploads') return undefined;
  const third = path.lastIndexOf('/', second - 1);
  if (path.slice(third + 1, second) !== 'blobs') return undefined;
  const name = nameBefore(path, third);
  return tail === '' ? { kind: 'uploads', name } : { kind: 'upload', name, id: tail };
}

/** The only character of a reference that a client may have encoded. */
function decodeColon(reference: string): string {
  return reference.includes('%') ? reference.replace(/%3[aA]/, ':') : reference;
}

function nameBefore(path: string, slash: number): string {
  return requireRepositoryName(path.slice(4, Math.max(4, slash)));
}

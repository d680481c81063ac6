import { requireRepositoryName } from '../oci/index.ts';

export type Route =
  | { kind: 'catalog' }
  | { kind: 'repository'; name: string }
  | { kind: 'tags'; name: string }
  | { kind: 'tag'; name: string; tag: string }
  | { kind: 'history' | 'undelete'; name: string; tag: string }
  | { kind: 'manifests'; name: string }
  | { kind: 'manifest'; name: string; digest: string };

const prefix = '/acr/v1/';

/**
 * Reads a path below `/acr/v1` from its end, because repository names contain slashes (acr §3.2). No component of a name
 * begins with `_`, so what does is the API's. Undefined when the path is none that is served; NAME_INVALID when it is,
 * around an invalid repository name.
 */
export function matchRoute(path: string): Route | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  if (rest === '_catalog') return { kind: 'catalog' };
  const ofTag = /^(.+)\/_tags\/([^/]+)\/_(history|undelete)$/.exec(rest);
  if (ofTag) {
    const [, name, tag, kind] = ofTag;
    return { kind: kind as 'history' | 'undelete', name: requireRepositoryName(name!), tag: tag! };
  }
  const last = rest.lastIndexOf('/');
  const tail = rest.slice(last + 1);
  const second = rest.lastIndexOf('/', last - 1);
  const word = last < 0 ? '' : rest.slice(second + 1, last);
  const before = (slash: number) => requireRepositoryName(rest.slice(0, Math.max(0, slash)));
  if (word === '_tags') return { kind: 'tag', name: before(second), tag: tail };
  // Clients encode the colon of a digest.
  if (word === '_manifests') return { kind: 'manifest', name: before(second), digest: tail.replace(/%3[aA]/, ':') };
  if (tail === '_tags') return { kind: 'tags', name: before(last) };
  if (tail === '_manifests') return { kind: 'manifests', name: before(last) };
  return /(?:^|\/)_/.test(rest) ? undefined : { kind: 'repository', name: requireRepositoryName(rest) };
}

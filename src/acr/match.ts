import { requireRepositoryName } from '../oci/index.ts';
import { type DeletedRoute, matchDeleted } from './match-deleted.ts';
import type { MetadataRoute } from './metadata.ts';

export type Route =
  | { kind: 'catalog' }
  | DeletedRoute
  | { kind: 'query-all' }
  | { kind: 'query'; name: string }
  | { kind: 'repository'; name: string }
  | { kind: 'tags'; name: string }
  | { kind: 'tag'; name: string; tag: string }
  | { kind: 'history' | 'undelete'; name: string; tag: string }
  | { kind: 'manifests'; name: string }
  | { kind: 'manifest'; name: string; digest: string }
  | ({ kind: 'metadata' } & MetadataRoute)
  | ({ kind: 'metadata-key'; key: string } & MetadataRoute);

const prefix = '/acr/v1/';

/**
 * Reads a path below `/acr/v1` (acr §3.2): a repository name, which may contain slashes, and what of it. No component of a
 * name begins with `_`, so the first that does is the API's. Undefined when the path is none that is served; NAME_INVALID
 * when it is, around an invalid repository name.
 */
export function matchRoute(path: string): Route | undefined {
  if (!path.startsWith(prefix)) return undefined;
  const rest = path.slice(prefix.length);
  if (rest === '_catalog') return { kind: 'catalog' };
  if (rest.startsWith('_deleted/')) return matchDeleted(rest.slice('_deleted/'.length));
  if (rest === '_metadata/_query') return { kind: 'query-all' };
  const end = rest.startsWith('_') ? 0 : rest.indexOf('/_');
  if (end < 0) return { kind: 'repository', name: requireRepositoryName(rest) };
  const [word, ...parts] = rest.slice(end === 0 ? 0 : end + 1).split('/', 5);
  const named = <R>(route: R) => ({ name: requireRepositoryName(rest.slice(0, end)), ...route });
  // No key begins with `_`.
  if (word === '_metadata' && parts[0] === '_query')
    return parts.length === 1 ? named({ kind: 'query' } as const) : undefined;
  if (word === '_metadata') return metadataRoute(named, { of: 'repository', reference: '' }, [word, ...parts]);
  if (word !== '_tags' && word !== '_manifests') return undefined;
  const [part, ...behind] = parts;
  const isTag = word === '_tags';
  if (part === undefined) return named({ kind: isTag ? 'tags' : 'manifests' } as const);
  // Clients encode the colon of a digest.
  const reference = isTag ? part : part.replace(/%3[aA]/, ':');
  const [verb, ...more] = behind;
  if (isTag && (verb === '_history' || verb === '_undelete') && more.length === 0)
    return named({ kind: verb === '_history' ? 'history' : 'undelete', tag: reference } as const);
  if (verb !== undefined) return metadataRoute(named, { of: isTag ? 'tag' : 'manifest', reference }, behind);
  return isTag ? named({ kind: 'tag', tag: reference }) : named({ kind: 'manifest', digest: reference });
}

type Owner = Omit<MetadataRoute, 'name'>;

function metadataRoute(
  named: <R>(route: R) => { name: string } & R,
  owner: Owner,
  [word, key, ...more]: string[],
): Route | undefined {
  if (word !== '_metadata' || more.length > 0) return undefined;
  return key === undefined ? named({ kind: 'metadata', ...owner }) : named({ kind: 'metadata-key', ...owner, key });
}

import { requireRepositoryName } from '../oci/index.ts';

/** What is kept of deleted manifests (acr §3.2). */
export type DeletedRoute =
  | { kind: 'deleted-catalog' }
  | { kind: 'deleted-manifests' | 'deleted-tags'; name: string }
  | { kind: 'deleted-manifest'; name: string; digest: string };

/** Reads what comes behind `/acr/v1/_deleted/`. Undefined where nothing is served; NAME_INVALID around an invalid name. */
export function matchDeleted(rest: string): DeletedRoute | undefined {
  if (rest === '_catalog') return { kind: 'deleted-catalog' };
  const end = rest.indexOf('/_');
  if (end < 0) return undefined;
  const [word, digest, ...more] = rest.slice(end + 1).split('/', 4);
  if (more.length > 0) return undefined;
  const named = <R>(route: R) => ({ name: requireRepositoryName(rest.slice(0, end)), ...route });
  if (digest === undefined) {
    if (word === '_manifests') return named({ kind: 'deleted-manifests' });
    return word === '_tags' ? named({ kind: 'deleted-tags' }) : undefined;
  }
  // Clients encode the colon of a digest.
  return word === '_manifests' ? named({ kind: 'deleted-manifest', digest: digest.replace(/%3[aA]/, ':') }) : undefined;
}

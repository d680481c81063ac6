import { isRepositoryName } from '../oci/index.ts';

/** Where an assignment holds, or what an action is done to. */
export interface Scope {
  /** The ARM id in lower case, without a slash at its end; empty for `/`. Of a repository, the id of its registry. */
  path: string;
  /** Set where the id is that of a repository. */
  repository?: string;
}

const longestId = 2_048;
const registryOfRepository =
  /^\/subscriptions\/[^/]+\/resourcegroups\/[^/]+\/providers\/microsoft\.containerregistry\/registries\/[^/]+/;

const extension = /\/providers\/[A-Z][A-Za-z]*\.[A-Z].*$/;

/**
 * Reads an ARM id: `/`, or pairs of a type and a name. Everything but the name of a repository compares without regard
 * to case. A repository is `…/registries/NAME/repositories/team/app`: its name may have slashes, encoded as `%2F` or not, and
 * no wildcard.
 * Undefined where it is none of that.
 */
export function parseArmScope(id: string): Scope | undefined {
  if (id === '/') return { path: '' };
  // Lower case keeps the length of ASCII, so that places in the one text are places in the other.
  if (id.length > longestId || !/^\/[\x21-\x7e]+$/.test(id)) return undefined;
  const trimmed = id.endsWith('/') ? id.slice(0, -1) : id;
  const path = trimmed.toLowerCase();
  const registry = registryOfRepository.exec(path)?.[0];
  const repositories = '/repositories';
  if (registry !== undefined && isWithin(path, registry + repositories)) {
    const rest = trimmed.slice(registry.length + repositories.length + 1);
    // What extends a repository, such as an assignment, is within it. No name has a capital letter.
    const repository = rest.replace(extension, '').replaceAll(/%2f/gi, '/');
    return isRepositoryName(repository) ? { path: registry, repository } : undefined;
  }
  const segments = path.slice(1).split('/');
  const plain = segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return plain && !/[*?%\\]/.test(path) ? { path } : undefined;
}

/**
 * Whether what is assigned at `outer` holds for `inner`. A repository holds for itself alone: conditions are for what
 * lies below a prefix.
 */
export function scopeCovers(outer: Scope, inner: Scope): boolean {
  if (outer.repository === undefined) return isWithin(inner.path, outer.path);
  return outer.path === inner.path && outer.repository === inner.repository;
}

function isWithin(path: string, ancestor: string): boolean {
  return path.startsWith(ancestor) && (path.length === ancestor.length || path[ancestor.length] === '/');
}

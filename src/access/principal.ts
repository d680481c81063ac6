import { isRepositoryName } from '../oci/index.ts';
import type { Permission } from './permissions.ts';

/** A repository by name, those below a prefix (`team/*`), or all of a registry (`*`). */
export type RepositoryPattern = string;

/** What a token, the admin user or an anonymous caller may do. */
export interface Grant {
  repository: RepositoryPattern;
  permissions: readonly Permission[];
}

/**
 * Whoever asks, as authenticated. Role assignments count for `operator`, `identity` and `federated`; the others have
 * their grants and nothing else.
 */
export interface Principal {
  kind: 'operator' | 'identity' | 'federated' | 'token' | 'admin' | 'scanner' | 'anonymous';
  /** What an assignment to an identity names, compared exactly. Of `federated` it is for logs only. */
  id: string;
  name: string;
  /** Who vouched for groups and claims; without it neither counts. */
  issuer?: string;
  groups?: readonly string[];
  claims?: Readonly<Record<string, unknown>>;
  grants?: readonly Grant[];
  /** The name of the registry that the grants are of; without it they count in each. */
  registry?: string;
}

/** Whether role assignments count for a principal, and not its grants. */
export function isAssignable({ kind }: Principal): boolean {
  return kind === 'identity' || kind === 'operator' || kind === 'federated';
}

const kinds: Record<Principal['kind'], string> = {
  operator: 'operator',
  identity: 'identity',
  federated: 'caller',
  token: 'token',
  admin: 'admin user',
  scanner: 'engine',
  anonymous: '',
};

/** A principal in a sentence. */
export function nameOf({ kind, name }: Principal): string {
  return kind === 'anonymous' ? 'whoever shows no credentials' : `${kinds[kind]} ${JSON.stringify(name)}`;
}

/** Whether a text is a repository's name, `prefix/*` or `*`. */
export function isRepositoryPattern(text: string): boolean {
  return text === '*' || isRepositoryName(text.endsWith('/*') ? text.slice(0, -2) : text);
}

/** Whether a pattern means a repository. Without a repository the registry as a whole is asked for: `*` alone means it. */
export function patternCovers(pattern: RepositoryPattern, repository: string | undefined): boolean {
  if (pattern === '*') return true;
  if (repository === undefined) return false;
  if (pattern.endsWith('/*')) {
    return repository.length >= pattern.length && repository.startsWith(pattern.slice(0, -1));
  }
  return repository === pattern;
}

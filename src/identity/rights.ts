import { canAny, decide, type Permission, type Principal } from '../access/index.ts';
import { type Caller, principalOf } from './caller.ts';
import type { Directory } from './directory.ts';

/** What a caller may do by the policy of now; what its token was given for is another matter. */
export interface Rights {
  /** Undefined when it is disabled or gone. */
  readonly principal: Principal | undefined;
  allows(permission: Permission, repository: string | undefined): boolean;
}

/** Either lets somebody know of a repository, list its tags and its referrers. */
export const readPermissions = ['content/read', 'metadata/read'] as const satisfies Permission[];

/** Decisions that are kept of one caller. */
const keptDecisions = 256;

const known = new WeakMap<Caller, { directory: Directory; rights: Rights }>();

/** The rights of a caller. They are kept until the directory is replaced: most callers ask for the same again and again. */
export function rightsOf(caller: Caller, directory: Directory): Rights {
  const before = known.get(caller);
  if (before?.directory === directory) return before.rights;
  const rights = readRights(caller, directory);
  known.set(caller, { directory, rights });
  return rights;
}

function readRights(caller: Caller, directory: Directory): Rights {
  const principal = principalOf(caller, directory);
  const registry = directory.registry(caller.registryId);
  const decisions = new Map<string, boolean>();
  return {
    principal,
    allows(permission, repository) {
      if (!principal || !registry) return false;
      const key = repository === undefined ? permission : `${permission} ${repository}`;
      const decided = decisions.get(key);
      if (decided !== undefined) return decided;
      const { allow } = decide(directory.policy, principal, permission, { registry: registry.name, repository });
      if (decisions.size === keptDecisions) decisions.clear();
      decisions.set(key, allow);
      return allow;
    },
  };
}

/** Whether a caller may do something: what its token was given for, and what the policy says now. */
export function isAllowed(
  caller: Caller,
  directory: Directory,
  permission: Permission,
  repository: string | undefined,
): boolean {
  if (caller.grant && !caller.grant.allows(permission, repository)) return false;
  return rightsOf(caller, directory).allows(permission, repository);
}

/** Whether a caller may know of some repository, and so has a catalog, if only of that. */
export function seesAny(caller: Caller, directory: Directory): boolean {
  const { principal } = rightsOf(caller, directory);
  const registry = directory.registry(caller.registryId);
  if (!principal || !registry) return false;
  return readPermissions.some((permission) => canAny(directory.policy, principal, permission, registry.name));
}

/** Whether there is anything in a registry that everybody may pull. */
export function offersAnonymousPull(directory: Directory, registryId: number): boolean {
  return (directory.registry(registryId)?.anonymousPull.length ?? 0) > 0;
}

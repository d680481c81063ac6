import {
  decide,
  type Decision,
  type Permission,
  type Principal,
  repositoryFilter,
  type RepositoryFilter,
} from '../access/index.ts';
import { type Caller, principalOf } from './caller.ts';
import type { Directory } from './directory.ts';

/** What a caller may do by the policy of now; what its token was given for is another matter. */
export interface Rights {
  /** Undefined when it is disabled or gone. */
  readonly principal: Principal | undefined;
  allows(permission: Permission, repository: string | undefined): boolean;
  /** The repositories that it may know of. */
  readonly visible: RepositoryFilter;
  /** Those whose metadata it may read. */
  readonly readable: RepositoryFilter;
}

/** Decisions that are kept of one caller. */
const keptDecisions = 64;

const known = new WeakMap<Caller, { directory: Directory; rights: Rights }>();

/** The rights of a caller. They are kept until the directory is replaced: most callers ask for the same again and again. */
export function rightsOf(caller: Caller, directory: Directory): Rights {
  const before = known.get(caller);
  if (before?.directory === directory) return before.rights;
  const rights = readRights(caller, directory);
  known.set(caller, { directory, rights });
  return rights;
}

const nothing: RepositoryFilter = { all: false, none: true, allows: () => false };

function readRights(caller: Caller, directory: Directory): Rights {
  const principal = principalOf(caller, directory);
  const registry = directory.registry(caller.registryId);
  const decisions = new Map<string, Decision>();
  let visible: RepositoryFilter | undefined;
  let readable: RepositoryFilter | undefined;
  return {
    principal,
    get visible() {
      visible ??= principal && registry ? repositoryFilter(directory.policy, principal, registry.name) : nothing;
      return visible;
    },
    get readable() {
      readable ??=
        principal && registry
          ? repositoryFilter(directory.policy, principal, registry.name, ['metadata/read'])
          : nothing;
      return readable;
    },
    allows(permission, repository) {
      if (!principal || !registry) return false;
      const key = repository === undefined ? permission : `${permission} ${repository}`;
      let decision = decisions.get(key);
      if (!decision) {
        const target = { registry: registry.name, ...(repository !== undefined && { repository }) };
        decision = decide(directory.policy, principal, permission, target);
        if (decisions.size === keptDecisions) decisions.clear();
        decisions.set(key, decision);
      }
      if (decision.by !== undefined) directory.used(decision.by);
      return decision.allow;
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

/**
 * Whether a caller has a catalog, if only of what it may know of: nobody needs a right to that beside the rights to what is
 * in it.
 */
export function hasCatalog(caller: Caller, directory: Directory): boolean {
  if (caller.grant && !caller.grant.allows('catalog/read', undefined)) return false;
  const { visible, allows } = rightsOf(caller, directory);
  return !visible.none || allows('catalog/read', undefined);
}

/** Whether there is anything in a registry that everybody may pull. */
export function offersAnonymousPull(directory: Directory, registryId: number): boolean {
  return (directory.registry(registryId)?.anonymousPull.length ?? 0) > 0;
}

import { decide, decideManagement } from '../access/index.ts';
import { advisoryDatabaseName, advisoryDatabaseType, syncAdvisories } from '../advisories/index.ts';
import { type Caller, principalOf } from '../identity/index.ts';
import { idOf, ManagementError, permissionOf } from '../operations/index.ts';
import type { Access } from './access.ts';
import { registryNamed } from './importing.ts';

/** Who asked, as it is kept until the work has ended: what they may do is decided anew then. */
export type KeptCaller = Pick<Caller, 'registryId' | 'kind' | 'id' | 'holder' | 'mode'>;

export function keptCaller({ registryId, kind, id, holder, mode }: Caller): KeptCaller {
  return { registryId, kind, id, holder, mode };
}

/** What it takes to bring advisories here, and to carry them away. */
export interface AdvisoryRights {
  /** ResourceNotFound where there is none of this name. */
  registryAt(name: string): { id: number; name: string; resourceId: string };
  /** Throws AuthorizationFailed. */
  requireContent(
    caller: KeptCaller,
    registry: string,
    repository: string,
    permission: 'content/read' | 'content/write',
  ): void;
  /** Throws AuthorizationFailed where they may not sync any more. */
  requireSync(caller: KeptCaller): void;
}

export function advisoryRights({ directory }: Pick<Access, 'directory'>): AdvisoryRights {
  const registryAt: AdvisoryRights['registryAt'] = (name) => {
    const found = registryNamed(directory(), name);
    if (found) return found;
    throw new ManagementError('ResourceNotFound', `there is no registry ${name}`, { target: 'registry' });
  };
  return {
    registryAt,
    requireContent(caller, registry, repository, permission) {
      const { name } = registryAt(registry);
      const principal = principalOf(caller, directory());
      if (principal && decide(directory().policy, principal, permission, { registry: name, repository }).allow) return;
      const what = permission === 'content/read' ? 'pull from' : 'push to';
      throw new ManagementError(
        'AuthorizationFailed',
        `you may not ${what} the repository ${repository} of the registry ${name}`,
      );
    },
    requireSync(caller) {
      const principal = principalOf(caller, directory());
      const id = idOf(advisoryDatabaseType, [advisoryDatabaseName]);
      const permission = permissionOf(advisoryDatabaseType.type, 'sync', syncAdvisories);
      if (principal && decideManagement(directory().policy, principal, permission, id).allow) return;
      throw new ManagementError(
        'AuthorizationFailed',
        'you may not bring the advisories of this server up to date any more',
      );
    },
  };
}

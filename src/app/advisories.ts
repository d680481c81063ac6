import {
  advisoriesStatus,
  advisoryDatabaseName,
  advisoryDatabaseType,
  presentAdvisories,
  seenEcosystems,
} from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import type { ServedType } from '../management/index.ts';
import { idOf } from '../operations/index.ts';
import { builtInResource } from '../resources/index.ts';
import type { Access } from './access.ts';
import { advisoryRights } from './advisory-rights.ts';
import { createExport } from './export-advisories.ts';
import type { NetworkGates } from './network-gates.ts';
import type { Storage } from './storage.ts';
import { createRemoval, createSync } from './sync-advisories.ts';

/** The advisories as a managed resource, with what it takes to bring them up to date and to carry them away. */
export function advisoryDatabase(
  config: Configuration,
  access: Access,
  storage: Storage,
  uploads: Uploads,
  network: Pick<NetworkGates, 'allowTarget'>,
): ServedType {
  const { db } = storage;
  const rights = advisoryRights(access);
  const options = { config, access, storage, uploads, network, rights };
  return {
    type: advisoryDatabaseType,
    handlers: {
      builtIns: () => [builtInResource(idOf(advisoryDatabaseType, [advisoryDatabaseName]), {})],
      async present() {
        const { maxAge, refresh } = config.advisories;
        const [status, { ecosystems }] = await Promise.all([advisoriesStatus(db), seenEcosystems(db)]);
        return presentAdvisories(status, { ecosystems, maxAge, refresh, now: access.identification.now() });
      },
      longActions: { sync: createSync(options), export: createExport(options), remove: createRemoval(options) },
    },
  };
}

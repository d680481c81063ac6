import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import type { Caller } from '../identity/index.ts';
import { parseSourceImage } from '../importing/index.ts';
import type { LongAction } from '../management/index.ts';
import { ManagementError } from '../operations/index.ts';
import type { Access } from './access.ts';
import { writeBundle } from './advisory-artifacts.ts';
import { type AdvisoryRights, keptCaller, type KeptCaller } from './advisory-rights.ts';
import type { Coming, NetworkGates } from './network-gates.ts';
import { explainAdvisories } from './refresh-context.ts';
import type { Storage } from './storage.ts';

interface ExportOrder {
  registry: string;
  image: string;
  feeds?: string[];
  caller: KeptCaller;
}

export interface ExportOptions {
  config: Configuration;
  access: Pick<Access, 'refresh'>;
  storage: Storage;
  uploads: Uploads;
  network: Pick<NetworkGates, 'allowTarget'>;
  rights: AdvisoryRights;
}

/** `export` of the advisories: into a repository of this server, with the right to push there. */
export function createExport({ config, access, storage, uploads, network, rights }: ExportOptions): LongAction {
  return {
    begin({ exchange, principal }, input) {
      const { registry, image, feeds } = input as Omit<ExportOrder, 'caller'>;
      const { repository, reference } = parseSourceImage(image);
      if (!('tag' in reference)) {
        throw new ManagementError('InvalidRequestContent', 'image must be REPOSITORY or REPOSITORY:TAG', {
          target: 'image',
        });
      }
      const caller = keptCaller(principal as Caller);
      const { resourceId } = rights.registryAt(registry);
      network.allowTarget(exchange as unknown as Coming, principal as Caller, resourceId);
      rights.requireContent(caller, registry, repository, 'content/write');
      return { input: { registry, image, ...(feeds && { feeds }), caller } satisfies ExportOrder };
    },

    async carryOut(task, order) {
      await access.refresh();
      const { registry, image, feeds, caller } = order as ExportOrder;
      const { repository, reference } = parseSourceImage(image);
      const check = () => {
        task.signal.throwIfAborted();
        rights.requireContent(caller, registry, repository, 'content/write');
      };
      check();
      const place = {
        registryId: rights.registryAt(registry).id,
        repository,
        tag: 'tag' in reference ? reference.tag : 'latest',
        by: { id: caller.id, name: caller.holder.name },
        creator: `export:${task.operation}`,
      };
      try {
        return await writeBundle(storage, uploads, place, {
          feeds,
          maxBytes: config.advisories.maxDownload,
          check,
          wrote: (feed, share) => task.report({ percentComplete: Math.floor(99 * share), feed }),
        });
      } catch (error) {
        task.signal.throwIfAborted();
        throw explainAdvisories(error);
      }
    },
  };
}

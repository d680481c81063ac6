import {
  advisoriesStatus,
  AdvisoryImportError,
  fetchFile,
  type FeedOutcome,
  importArtifact,
  importFile,
  type RefreshContext,
  refreshFeeds,
  removeFeed,
  seenEcosystems,
  type SyncInput,
} from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Caller } from '../identity/index.ts';
import { parseSourceImage } from '../importing/index.ts';
import type { LongAction, Task } from '../management/index.ts';
import { ManagementError } from '../operations/index.ts';
import type { Access } from './access.ts';
import { openLocalArtifact } from './advisory-artifacts.ts';
import { type AdvisoryRights, keptCaller, type KeptCaller } from './advisory-rights.ts';
import type { Coming, NetworkGates } from './network-gates.ts';
import { explainAdvisories, refreshContext } from './refresh-context.ts';
import type { Storage } from './storage.ts';

interface SyncOrder {
  input: SyncInput;
  caller: KeptCaller;
}

/** How often progress is written down (ms). */
const everyMs = 1000;

export interface SyncOptions {
  config: Configuration;
  access: Pick<Access, 'identification' | 'refresh'>;
  storage: Storage;
  network: Pick<NetworkGates, 'allowTarget'>;
  rights: AdvisoryRights;
}

/** `sync` of the advisories: from the sources of the configuration, a URL, or an artifact of this server or another. */
export function createSync({ config, access, storage, network, rights }: SyncOptions): LongAction {
  const { db } = storage;
  const { now } = access.identification;
  return {
    begin({ exchange, principal }, input) {
      const { registry, artifact, url, sources } = input as SyncInput;
      if ([artifact, url, sources].filter((one) => one !== undefined).length > 1)
        throw new ManagementError('InvalidRequestContent', 'give one of sources, url and artifact');
      if (registry !== undefined && artifact === undefined) {
        throw new ManagementError('InvalidRequestContent', 'registry says where artifact is; give both', {
          target: 'registry',
        });
      }
      const caller = keptCaller(principal as Caller);
      if (registry !== undefined) {
        const { resourceId } = rights.registryAt(registry);
        network.allowTarget(exchange as unknown as Coming, principal as Caller, resourceId, 'pull');
        rights.requireContent(caller, registry, parseSourceImage(artifact!).repository, 'content/read');
      }
      return { input: { input: input as SyncInput, caller } satisfies SyncOrder };
    },

    async carryOut(task, order) {
      // Another process may have taken the request, by rights that this one has not seen yet.
      await access.refresh();
      const { input, caller } = order as SyncOrder;
      rights.requireSync(caller);
      const context: RefreshContext = {
        ...refreshContext(config, storage, { signal: task.signal, now }),
        force: input.force,
        progress: reporting(task, now),
      };
      try {
        const done = await bring(context, input, caller);
        return { revision: (await advisoriesStatus(db)).revision, ...done };
      } catch (error) {
        task.signal.throwIfAborted();
        throw explainAdvisories(error);
      }
    },
  };

  async function bring(context: RefreshContext, input: SyncInput, caller: KeptCaller) {
    const { artifact, url, registry, ecosystems, sources } = input;
    if (url === undefined && artifact === undefined) {
      const { feeds, failed } = await refreshFeeds(context, config.advisories, { sources, ecosystems, all: true });
      if (feeds.length === 0 && failed.length > 0)
        throw new AdvisoryImportError(failed.map(({ feed, error }) => `${feed}: ${error}`).join('; '));
      return { feeds, failed };
    }
    const wanted = new Set([...(ecosystems ?? []), ...(await seenEcosystems(db)).ecosystems]);
    const choice = {
      wants: (ecosystem: string) => wanted.has(ecosystem),
      ecosystem: ecosystems?.length === 1 ? ecosystems[0] : undefined,
    };
    const feeds: FeedOutcome[] = [];
    if (url !== undefined) {
      const fetched = await fetchFile(context.fetcher, url, { maxBytes: context.maxBytes });
      if (fetched.kind !== 'fetched') throw new AdvisoryImportError(`there is nothing at ${url}`);
      await using file = fetched.file;
      feeds.push(...(await importFile(context, file, { origin: url, ...choice })));
    } else {
      const opened =
        registry === undefined
          ? await context.openArtifact(artifact!, context.fetcher.signal)
          : await openHere(registry, artifact!, caller);
      feeds.push(...(await importArtifact(context, opened, choice)));
    }
    return { feeds, failed: [] };
  }

  function openHere(registry: string, artifact: string, caller: KeptCaller) {
    const image = parseSourceImage(artifact);
    rights.requireContent(caller, registry, image.repository, 'content/read');
    return openLocalArtifact(storage, { registryId: rights.registryAt(registry).id, ...image });
  }
}

/** `remove` of the advisories: sources that nobody wants any more. */
export function createRemoval({ config, access, storage }: SyncOptions): LongAction {
  const { now } = access.identification;
  return {
    begin: (_, input) => ({ input }),
    async carryOut(task, input) {
      const context = {
        ...refreshContext(config, storage, { signal: task.signal, now }),
        progress: reporting(task, now),
      };
      const removed: string[] = [];
      for (const feed of (input as { feeds: string[] }).feeds) if (await removeFeed(context, feed)) removed.push(feed);
      return { revision: (await advisoriesStatus(storage.db)).revision, removed };
    },
  };
}

function reporting(task: Task, now: () => number): NonNullable<RefreshContext['progress']> {
  let saidAt = 0;
  return (feed, records) => {
    if (now() - saidAt < everyMs) return;
    saidAt = now();
    // Where another process has taken the work over, the signal ends it here.
    void task.report({ percentComplete: 0, feed, records }).catch(() => {});
  };
}

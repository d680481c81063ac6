import { decide, decideManagement } from '../access/index.ts';
import {
  advisoriesStatus,
  advisoryDatabaseName,
  advisoryDatabaseType,
  AdvisoryImportError,
  type FeedOutcome,
  importArtifact,
  importFile,
  presentAdvisories,
  fetchFile,
  refreshFeeds,
  type RefreshContext,
  seenEcosystems,
  syncAdvisories,
  type SyncInput,
} from '../advisories/index.ts';
import type { Configuration } from '../configuration.ts';
import type { Uploads } from '../content/index.ts';
import { type Caller, principalOf } from '../identity/index.ts';
import { openArtifact, parseSourceImage } from '../importing/index.ts';
import { createPace } from '../jobs/index.ts';
import type { LongAction, ServedType, Task } from '../management/index.ts';
import { idOf, ManagementError, permissionOf } from '../operations/index.ts';
import { createOutbound, OutboundError } from '../outbound/index.ts';
import { builtInResource } from '../resources/index.ts';
import type { Access } from './access.ts';
import { openLocalArtifact, writeBundle } from './advisory-artifacts.ts';
import { registryNamed } from './importing.ts';
import type { Coming, NetworkGates } from './network-gates.ts';
import type { Storage } from './storage.ts';

/** Who asked, as it is kept until the work has ended: what they may do is decided anew then. */
type KeptCaller = Pick<Caller, 'registryId' | 'kind' | 'id' | 'holder' | 'mode'>;

interface SyncOrder {
  input: SyncInput;
  caller: KeptCaller;
}

interface ExportOrder {
  registry: string;
  image: string;
  feeds?: string[];
  caller: KeptCaller;
}

/** How often progress is written down (ms). */
const everyMs = 1000;

/** The advisories as a managed resource, with what it takes to bring them up to date and to carry them away. */
export function advisoryDatabase(
  config: Configuration,
  { directory, identification, refresh }: Access,
  storage: Storage,
  uploads: Uploads,
  network: Pick<NetworkGates, 'allowTarget'>,
): ServedType {
  const { db } = storage;
  const { now } = identification;

  const keep = ({ registryId, kind, id, holder, mode }: Caller): KeptCaller => ({ registryId, kind, id, holder, mode });
  const registryAt = (name: string) => {
    const found = registryNamed(directory(), name);
    if (found) return found;
    throw new ManagementError('ResourceNotFound', `there is no registry ${name}`, { target: 'registry' });
  };
  function requireContent(
    caller: KeptCaller,
    registry: string,
    repository: string,
    permission: 'content/read' | 'content/write',
  ) {
    const principal = principalOf(caller, directory());
    const { policy } = directory();
    const { name } = registryAt(registry);
    if (principal && decide(policy, principal, permission, { registry: name, repository }).allow) return;
    const what = permission === 'content/read' ? 'pull from' : 'push to';
    throw new ManagementError(
      'AuthorizationFailed',
      `you may not ${what} the repository ${repository} of the registry ${name}`,
    );
  }
  function requireSync(caller: KeptCaller) {
    const principal = principalOf(caller, directory());
    const id = idOf(advisoryDatabaseType, [advisoryDatabaseName]);
    const permission = permissionOf(advisoryDatabaseType.type, 'sync', syncAdvisories);
    if (principal && decideManagement(directory().policy, principal, permission, id).allow) return;
    throw new ManagementError(
      'AuthorizationFailed',
      'you may not bring the advisories of this server up to date any more',
    );
  }

  async function contextOf(task: Task, force: boolean): Promise<RefreshContext> {
    const { signal } = task;
    let saidAt = 0;
    return {
      ...refreshContext(config, storage, { signal, now }),
      force,
      progress(feed, records) {
        if (now() - saidAt < everyMs) return;
        saidAt = now();
        // Another process that has taken the work over ends this one by its signal.
        void task.report({ percentComplete: 0, feed, records }).catch(() => {});
      },
    };
  }

  const sync: LongAction = {
    begin({ exchange, principal }, input) {
      const { registry, artifact, url, sources } = input as SyncInput;
      if ([artifact, url, sources].filter((one) => one !== undefined).length > 1)
        throw new ManagementError('InvalidRequestContent', 'give one of sources, url and artifact');
      if (registry !== undefined && artifact === undefined)
        throw new ManagementError('InvalidRequestContent', 'registry says where artifact is; give both', {
          target: 'registry',
        });
      const caller = keep(principal as Caller);
      if (registry !== undefined) {
        network.allowTarget(
          exchange as unknown as Coming,
          principal as Caller,
          registryAt(registry).resourceId,
          'pull',
        );
        requireContent(caller, registry, parseSourceImage(artifact!).repository, 'content/read');
      }
      return { input: { input, caller } satisfies { input: unknown; caller: KeptCaller } };
    },
    async carryOut(task, order) {
      await refresh();
      const { input, caller } = order as SyncOrder;
      requireSync(caller);
      const context = await contextOf(task, input.force);
      try {
        const done = await syncBy(context, input, caller);
        return { revision: (await advisoriesStatus(db)).revision, ...done };
      } catch (error) {
        task.signal.throwIfAborted();
        throw explained(error);
      }
    },
  };

  async function syncBy(context: RefreshContext, input: SyncInput, caller: KeptCaller) {
    const { artifact, url, registry, ecosystems, sources } = input;
    if (url === undefined && artifact === undefined) {
      const { feeds, failed } = await refreshFeeds(context, config.advisories, { sources, ecosystems, all: true });
      if (feeds.length === 0 && failed.length > 0)
        throw new AdvisoryImportError(failed.map(({ feed, error }) => `${feed}: ${error}`).join('; '));
      return { feeds, failed };
    }
    const wanted = new Set(ecosystems ?? (await seenEcosystems(db)).ecosystems);
    const choice = {
      wants: (ecosystem: string) => wanted.has(ecosystem),
      ecosystem: ecosystems?.length === 1 ? ecosystems[0] : undefined,
    };
    let feeds: FeedOutcome[];
    if (url !== undefined) {
      const fetched = await fetchFile(context.fetcher, url, { maxBytes: context.maxBytes });
      if (fetched.kind !== 'fetched') throw new AdvisoryImportError(`there is nothing at ${url}`);
      await using file = fetched.file;
      feeds = await importFile(context, file, { origin: url, ...choice });
    } else {
      const image = registry === undefined ? undefined : parseSourceImage(artifact!);
      if (image) requireContent(caller, registry!, image.repository, 'content/read');
      const opened = image
        ? await openLocalArtifact(storage, { registryId: registryAt(registry!).id, ...image })
        : await context.openArtifact(artifact!, context.fetcher.signal);
      ({ feeds } = await importArtifact(context, opened, choice));
    }
    return { feeds, failed: [] };
  }

  const exportAction: LongAction = {
    begin({ exchange, principal }, input) {
      const { registry, image, feeds } = input as Omit<ExportOrder, 'caller'>;
      const { repository, reference } = parseSourceImage(image);
      if (!('tag' in reference))
        throw new ManagementError('InvalidRequestContent', 'image must be REPOSITORY or REPOSITORY:TAG', {
          target: 'image',
        });
      const caller = keep(principal as Caller);
      network.allowTarget(exchange as unknown as Coming, principal as Caller, registryAt(registry).resourceId);
      requireContent(caller, registry, repository, 'content/write');
      return { input: { registry, image, ...(feeds && { feeds }), caller } satisfies ExportOrder };
    },
    async carryOut(task, order) {
      await refresh();
      const { registry, image, feeds, caller } = order as ExportOrder;
      const { repository, reference } = parseSourceImage(image);
      const check = () => {
        task.signal.throwIfAborted();
        requireContent(caller, registry, repository, 'content/write');
      };
      check();
      const tag = 'tag' in reference ? reference.tag : 'latest';
      const by = { id: caller.id, name: caller.holder.name };
      const place = { registryId: registryAt(registry).id, repository, tag, by, creator: `export:${task.operation}` };
      try {
        return await writeBundle(storage, uploads, place, {
          feeds,
          maxBytes: config.advisories.maxDownload,
          check,
          wrote: (feed, share) => task.report({ percentComplete: Math.floor(99 * share), feed }),
        });
      } catch (error) {
        task.signal.throwIfAborted();
        throw explained(error);
      }
    },
  };

  return {
    type: advisoryDatabaseType,
    handlers: {
      builtIns: () => [builtInResource(idOf(advisoryDatabaseType, [advisoryDatabaseName]), {})],
      present: async () => {
        const { maxAge, refresh: refreshes } = config.advisories;
        const [status, { ecosystems }] = await Promise.all([advisoriesStatus(db), seenEcosystems(db)]);
        return presentAdvisories(status, { ecosystems, maxAge, refresh: refreshes, now: now() });
      },
      longActions: { sync, export: exportAction },
    },
  };
}

/** What it takes to fetch advisories, in this process. */
export function refreshContext(
  config: Configuration,
  { db }: Pick<Storage, 'db'>,
  { signal, now }: { signal: AbortSignal; now: () => number },
): RefreshContext {
  const outbound = createOutbound(config.outbound);
  const pace = createPace();
  return {
    db,
    now,
    maxBytes: config.advisories.maxDownload,
    async rest() {
      signal.throwIfAborted();
      await pace.rest();
    },
    fetcher: { outbound, signal },
    openArtifact: (reference, until) =>
      openArtifact(reference, {
        outbound,
        secrets: config.import.secrets,
        secret: config.advisories.secret,
        signal: until,
      }),
  };
}

/** What a source did wrong is no fault of this server: its words may be shown. */
function explained(error: unknown): unknown {
  if (error instanceof OutboundError || error instanceof AdvisoryImportError)
    return new ManagementError('OperationFailed', error.message, { cause: error });
  return error;
}

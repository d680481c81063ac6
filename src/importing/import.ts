import { type Catalog, findManifest, findManifestFacts, type Mover } from '../catalog/index.ts';
import type { Uploads } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { ManagementError, type Progress } from '../operations/index.ts';
import type { Outbound } from '../outbound/index.ts';
import type { ImportInput } from '../registries/index.ts';
import type { ImportConfig } from './config.ts';
import { copyImage, tagImage, tagTaken } from './copy.ts';
import { explainFailure, importFailed } from './failure.ts';
import { formatImage, type ImageName, type ImportTarget } from './image-name.ts';
import type { ImageSource, Place, SourceManifest } from './image-source.ts';
import { createLocalSource } from './local-source.ts';
import { type Plan, planImport } from './plan.ts';
import { createImportMeter, type ImportMeter, type ImportProgress } from './progress.ts';
import { readSecret } from './remote/credentials.ts';
import { createRegistryClient } from './remote/registry-client.ts';
import { createRemoteSource } from './remote/remote-source.ts';
import { type GivenCredentials, type ImportOrder, readImportRequest, requireSecret } from './request.ts';

/** How long an import may take, from its request on, crashes included (ms). */
const longestMs = 24 * 60 * 60 * 1000;
/** How often it says how far it is (ms). */
const tickMs = 1000;

interface ImportingOptions {
  catalog: Catalog;
  uploads: Uploads;
  outbound: Outbound;
  config: ImportConfig;
  /** Largest blob, and largest manifest, that a registry takes (bytes). */
  largestBlob(registryId: number): number;
  largestManifest(registryId: number): number;
  /** Id of a registry in the catalog; undefined where there is none of that name. */
  registryIdOf(name: string): number | undefined;
  /** Whether somebody may pull now, by what `callerOf` kept of them. */
  mayPull(caller: unknown, registry: string, repository: string): boolean;
  /** Whether somebody may import into a registry now. */
  mayImport(caller: unknown, registry: string): boolean;
  /** Who is remembered to have moved a tag. */
  moverOf(caller: unknown): Mover;
  /** Throws where nothing may be taken out of a registry. */
  requireExport?(registry: string): void;
  /** Throws where an image is not let out of where it is taken from. */
  requireAdmitted?(caller: unknown, image: Place & { repositoryId: number; digest: Digest }): Promise<void>;
  now(): number;
}

/** What is carried out, as the management API knows it. */
interface ImportTask {
  operation: string;
  /** Name of the registry that is imported to. */
  name: string;
  startedAt: number;
  signal: AbortSignal;
  progress: Progress | undefined;
  secret(): string | undefined;
  report(progress: Progress): Promise<void>;
}

/** Imports images (acr §4.8). */
export function createImporting(options: ImportingOptions) {
  const { catalog, uploads, config, mayPull } = options;

  function placeOf(registry: string, repository: string): Place {
    const registryId = options.registryIdOf(registry);
    if (registryId !== undefined) return { registryId, repository };
    throw importFailed(`the registry ${registry} is gone`);
  }

  /** Whoever may not pull learns nothing of what there is. */
  function requirePull({ source, caller }: ImportOrder): void {
    if (source.kind !== 'here') return;
    if (!mayPull(caller, source.registry, source.repository)) {
      throw new ManagementError(
        'AuthorizationFailed',
        `the source ${source.registry}/${source.repository} is not there, or you may not pull from it; have somebody assign a ` +
          'role that allows content/read',
        { target: 'source.resourceId' },
      );
    }
    options.requireExport?.(source.registry);
  }

  function recallFrom({ registryId, repository }: Place) {
    return async (digest: Digest): Promise<SourceManifest | undefined> => {
      const found = await findManifest(catalog, registryId, repository, { digest }).catch((error: unknown) => {
        // What must not be read here may be written all the same.
        if (error instanceof RegistryError && error.status < 500) return undefined;
        throw error;
      });
      if (!found) return undefined;
      const bytes = found.bytes instanceof Blob ? await found.bytes.bytes() : found.bytes;
      return { digest: found.digest, mediaType: found.mediaType, bytes };
    };
  }

  function sourceOf(order: ImportOrder, task: ImportTask): ImageSource {
    const { source } = order;
    const { repository } = source;
    if (source.kind === 'here') {
      const name = `${source.registry}/${repository}`;
      const requireRight = () => requirePull(order);
      const place = placeOf(source.registry, repository);
      const requireAdmitted = async (image: { repositoryId: number; digest: Digest }) =>
        options.requireAdmitted?.(order.caller, { ...place, ...image });
      return createLocalSource({ ...place, catalog, name, requirePull: requireRight, requireAdmitted });
    }
    const { origin, secret } = source;
    const given = task.secret();
    const client = createRegistryClient({
      outbound: options.outbound,
      origin,
      repository,
      signal: task.signal,
      credentials: async () => {
        if (secret !== undefined) return readSecret(requireSecret(config.secrets, secret, origin));
        return given === undefined ? undefined : (JSON.parse(given) as GivenCredentials);
      },
    });
    return createRemoteSource({ client, catalog, uploads, repository, creator: `import:${task.operation}` });
  }

  /** Before anything is copied: no tag may mean another image. */
  async function requireFreeTags(targets: readonly ImportTarget[], registry: string, digest: Digest): Promise<void> {
    for (const { repository, tags } of targets) {
      const { registryId } = placeOf(registry, repository);
      for (const tag of tags) {
        const taken = await findManifestFacts(catalog, registryId, repository, { tag });
        if (taken && taken.digest !== digest) throw tagTaken(repository, tag);
      }
    }
  }

  async function rootOf(source: ImageSource, image: ImageName, known: Digest | undefined): Promise<SourceManifest> {
    const root = await source.manifest(known ? { digest: known } : image.reference);
    if (root) return root;
    throw importFailed(`${source.name} does not have the image ${formatImage(image)}`);
  }

  async function carryOut(task: ImportTask, order: ImportOrder, meter: ImportMeter) {
    const { targets, force } = order;
    const check = () => {
      task.signal.throwIfAborted();
      if (options.now() - task.startedAt > longestMs) {
        throw importFailed('the import has taken a day; begin it again: what is here already need not come again');
      }
      if (!options.mayImport(order.caller, task.name)) {
        throw new ManagementError('AuthorizationFailed', `you may not import into the registry ${task.name} any more`);
      }
    };
    check();
    const before = (task.progress as ImportProgress | undefined)?.digest;
    const first = sourceOf(order, task);
    const root = await rootOf(first, order.source, before);
    if (!force) await requireFreeTags(targets, task.name, root.digest);
    await meter.change({ digest: root.digest }, true);

    const plans: Plan[] = [];
    for (const [done, { repository, tags }] of targets.entries()) {
      const into = placeOf(task.name, repository);
      // All other repositories get it from the first one, which is here.
      const source =
        done === 0 ? first : localCopyOf(placeOf(task.name, targets[0]!.repository), targets[0]!.repository);
      plans.push(await fill({ task, order, meter, check, into, source, root, tags, done }));
    }
    const [plan] = plans;
    const result = {
      digest: root.digest,
      manifests: plan!.manifests.length,
      blobs: plan!.blobs.size,
      bytes: plan!.bytes,
    };
    await meter.change({ repositories: { done: targets.length, total: targets.length } }, true);
    return result;
  }

  const localCopyOf = (place: Place, name: string) =>
    createLocalSource({ ...place, catalog, name, requirePull: () => {} });

  /** Fills one repository. */
  async function fill({ task, order, meter, check, into, source, root, tags, done }: Filling): Promise<Plan> {
    const recall = recallFrom(into);
    const { total } = meter.now.repositories;
    await meter.change({ phase: 'planning', repository: into.repository, repositories: { done, total } }, true);
    const plan = await planImport({
      source,
      root,
      recall,
      sparseIndexes: catalog.sparseIndexes,
      maxBlobBytes: options.largestBlob(into.registryId),
      maxManifestBytes: options.largestManifest(into.registryId),
      maxBytes: config.maxSize,
      async found(manifests) {
        check();
        await meter.change({ manifests: { done: 0, total: manifests } });
      },
    });
    const maySee = (repository: string) => mayPull(order.caller, task.name, repository);
    const asked = { ...catalog, by: options.moverOf(order.caller) };
    const copy = { catalog: asked, source, into, plan, recall, meter, check, mayPull: maySee };
    await copyImage(copy);
    await meter.change({ phase: 'tagging' }, true);
    check();
    // All that belongs to it is there before anybody can find it by its tag.
    await tagImage(copy, tags, order.force);
    return plan;
  }

  return {
    /**
     * Looks at a request, with what is kept of who sent it. InvalidRequestContent, AuthorizationFailed; of registries of this
     * server, what is missing there and which tags are taken.
     */
    async begin(registry: string, input: unknown, caller: unknown) {
      const { order, credentials } = readImportRequest(input as ImportInput, { secrets: config.secrets, caller });
      if (order.source.kind === 'here') {
        requirePull(order);
        const { registryId, repository } = placeOf(order.source.registry, order.source.repository);
        const facts = await findManifestFacts(catalog, registryId, repository, order.source.reference);
        if (!facts) {
          const image = formatImage(order.source);
          throw new ManagementError('ResourceNotFound', `${order.source.registry} does not have the image ${image}`, {
            target: 'source.sourceImage',
          });
        }
        if (!order.force) await requireFreeTags(order.targets, registry, facts.digest);
      }
      return { input: order, ...(credentials && { secret: JSON.stringify(credentials) }) };
    },

    /** Imports, or goes on with what a process has begun that has ended. */
    async carryOut(task: ImportTask, order: unknown) {
      const { targets } = order as ImportOrder;
      const meter = createImportMeter(targets.length, task.report);
      // A large blob takes a while, and says nothing by itself.
      const ticking = setInterval(() => void meter.change({}).catch(() => {}), tickMs);
      try {
        return await carryOut(task, order as ImportOrder, meter);
      } catch (error) {
        task.signal.throwIfAborted();
        throw explainFailure(error);
      } finally {
        clearInterval(ticking);
      }
    },
  };
}

interface Filling {
  task: ImportTask;
  order: ImportOrder;
  meter: ImportMeter;
  check(): void;
  into: Place;
  source: ImageSource;
  root: SourceManifest;
  tags: readonly string[];
  /** Repositories that are filled already. */
  done: number;
}

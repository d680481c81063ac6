import {
  type Catalog,
  findBlobToKeep,
  findManifestToKeep,
  mountBlob,
  putManifest,
  type TagCondition,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, type ParsedManifest, parseManifest } from '../oci/index.ts';
import { ManagementError } from '../operations/index.ts';
import { importFailed } from './failure.ts';
import type { ImageSource, Place, SourceManifest } from './image-source.ts';
import type { Plan, PlannedManifest } from './plan.ts';
import type { ImportMeter } from './progress.ts';

/** Blobs of one import that are brought at once. */
const atOnce = 3;
/** How often the blobs of a manifest are looked at again that were collected before it came. */
const rounds = 3;

export interface CopyOptions {
  catalog: Catalog;
  source: ImageSource;
  into: Place;
  plan: Plan;
  recall(digest: Digest): Promise<SourceManifest | undefined>;
  meter: ImportMeter;
  /** Whether who asked for the import may pull from a repository of the target: what is there need not come again. */
  mayPull(repository: string): boolean;
  /** Throws where it must not go on. */
  check(): void;
}

/** Brings all of a plan to a repository, and nothing that is there already. No tag is set. */
export async function copyImage(options: CopyOptions): Promise<void> {
  const { plan, meter } = options;
  await meter.change(
    {
      phase: 'copying',
      repository: options.into.repository,
      manifests: { done: 0, total: plan.manifests.length },
      blobs: { done: 0, total: plan.blobs.size },
      bytes: { done: 0, total: plan.bytes },
    },
    true,
  );
  const brought = new Set<Digest>();
  for (const manifest of plan.manifests) {
    options.check();
    await copyManifest(options, manifest, brought);
    const { manifests } = meter.now;
    await meter.change({ manifests: { ...manifests, done: manifests.done + 1 } });
  }
}

async function copyManifest(options: CopyOptions, planned: PlannedManifest, brought: Set<Digest>): Promise<void> {
  const { catalog, into, source } = options;
  const { digest } = planned;
  const isHere = await findManifestToKeep(catalog, into.registryId, into.repository, { digest });
  const bytes = planned.bytes ?? (await options.recall(digest))?.bytes ?? (await source.manifest({ digest }))?.bytes;
  if (!bytes) throw importFailed(`${source.name} does not have the manifest ${digest} any more`);
  const parsed = parseManifest(bytes, planned.mediaType);
  if (isHere) return countAsBrought(options, parsed, brought);
  for (let round = 1; ; round++) {
    await bringBlobs(options, parsed, brought);
    try {
      return await putManifest(catalog, into.registryId, into.repository, { digest, bytes, parsed, tags: [] });
    } catch (error) {
      const isGone = error instanceof RegistryError && error.code === 'MANIFEST_BLOB_UNKNOWN';
      if (!isGone || round === rounds) throw error;
      // Something of it waited so long for the rest that it was collected.
      for (const reference of parsed.references) brought.delete(reference.digest);
    }
  }
}

function countAsBrought(options: CopyOptions, parsed: ParsedManifest, brought: Set<Digest>): void {
  for (const { role, digest, size } of parsed.references) {
    if (role !== 'child' && !brought.has(digest)) count(options, digest, size, brought);
  }
}

/** One more blob is there; `size` where its bytes are not counted yet. */
function count({ meter, plan }: CopyOptions, digest: Digest, size: number, brought: Set<Digest>): void {
  brought.add(digest);
  if (!plan.blobs.has(digest)) return;
  meter.received(size);
  const { blobs } = meter.now;
  meter.now.blobs = { ...blobs, done: Math.min(blobs.total, blobs.done + 1) };
}

async function bringBlobs(options: CopyOptions, { references }: ParsedManifest, brought: Set<Digest>): Promise<void> {
  const wanted = new Map(
    references
      .filter(({ role, digest }) => role !== 'child' && !brought.has(digest))
      .map((blob) => [blob.digest, blob]),
  );
  const queue = [...wanted.values()];
  let failed = false;
  const work = async () => {
    for (let blob = queue.shift(); blob && !failed; blob = queue.shift()) {
      options.check();
      try {
        await bringBlob(options, blob, brought);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  // All of them end before the first failure is told: nothing goes on behind it.
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, work));
  const first = ends.find((end) => end.status === 'rejected');
  if (first) throw first.reason;
}

async function bringBlob(
  options: CopyOptions,
  blob: { digest: Digest; size: number; required: boolean },
  brought: Set<Digest>,
): Promise<void> {
  const { catalog, source, into, meter, mayPull } = options;
  const { digest, size } = blob;
  const { registryId, repository } = into;
  const here = await findBlobToKeep(catalog, registryId, repository, digest);
  if (here || (await mountBlob(catalog, registryId, repository, digest, undefined, mayPull))) {
    count(options, digest, size, brought);
  } else if (await source.bring(blob, into, meter.received)) {
    count(options, digest, 0, brought);
  } else if (blob.required) {
    throw importFailed(`${source.name} does not have the blob ${digest}, which its manifest names`);
  }
  await meter.change({});
}

/** Sets the tags, all in one transaction with what is asked of them; a tag that means this image already stays. */
export async function tagImage(
  { catalog, into, plan, source, recall }: CopyOptions,
  tags: readonly string[],
  force: boolean,
): Promise<void> {
  if (tags.length === 0) return;
  const root = (await recall(plan.root)) ?? (await source.manifest({ digest: plan.root }));
  if (!root) throw importFailed(`${source.name} does not have the manifest ${plan.root} any more`);
  const parsed = parseManifest(root.bytes, root.mediaType);
  const isFree: TagCondition = (digest) => digest === undefined || digest === plan.root;
  try {
    await putManifest(catalog, into.registryId, into.repository, {
      digest: plan.root,
      bytes: root.bytes,
      parsed,
      tags,
      condition: force ? undefined : isFree,
    });
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === 'PRECONDITION_FAILED')) throw error;
    throw tagTaken(into.repository, (error.detail as { tag: string }).tag);
  }
}

export function tagTaken(repository: string, tag: string): ManagementError {
  return new ManagementError(
    'Conflict',
    `the tag ${repository}:${tag} is there already and means another image; import with mode Force to move it`,
    { target: 'targetTags' },
  );
}

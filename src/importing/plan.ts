import { type Digest, type ParsedManifest, parseManifest } from '../oci/index.ts';
import { importFailed } from './failure.ts';
import type { ImageSource, SourceManifest } from './image-source.ts';

/** What one import may bring. A registry that names more is not read further. */
export const importBounds = {
  /** Manifests: indexes, images, and what refers to them. */
  manifests: 10_000,
  /** Different blobs. */
  blobs: 100_000,
  /** An index in an index, a signature of a signature. */
  depth: 16,
} as const;

/** Manifests up to this size (bytes) are kept between the plan and the copy, and of all of them so many. */
const small = 64 * 1024;
const mostKept = 4 * 1024 * 1024;

export interface PlannedManifest {
  digest: Digest;
  mediaType: string;
  /** Undefined of one that is read again when it is its turn. */
  bytes: Uint8Array | undefined;
}

/** Everything that belongs to an image, found before anything is copied. */
export interface Plan {
  root: Digest;
  /** Each after all that it names, and before all that refers to it. */
  manifests: PlannedManifest[];
  /** Bytes of each blob. */
  blobs: Map<Digest, number>;
  bytes: number;
}

export interface PlanOptions {
  source: ImageSource;
  root: SourceManifest;
  /** What is here already need not be asked for again; undefined where it is not. */
  recall(digest: Digest): Promise<SourceManifest | undefined>;
  /** Whether indexes may lack children. */
  sparseIndexes: boolean;
  /** Largest blob, largest manifest, and most bytes of all blobs (bytes). */
  maxBlobBytes: number;
  maxManifestBytes: number;
  maxBytes: number;
  /** Told of the number of manifests so far; may throw. */
  found(manifests: number): void | Promise<void>;
}

/**
 * Follows an image from its manifest to all that it names and to all that refers to it. Each digest is looked at once, so that
 * what names each other in a circle ends. Throws where it is more, or deeper, than an import may be.
 */
export async function planImport(options: PlanOptions): Promise<Plan> {
  const { source, root, recall } = options;
  const plan: Plan = { root: root.digest, manifests: [], blobs: new Map(), bytes: 0 };
  const seen = new Set<Digest>([root.digest]);
  let kept = 0;

  function enter(digest: Digest, depth: number): boolean {
    if (seen.has(digest)) return false;
    seen.add(digest);
    if (depth > importBounds.depth) {
      throw importFailed(`what ${source.name} names goes deeper than ${importBounds.depth} levels`);
    }
    if (seen.size > importBounds.manifests) {
      throw importFailed(`the image at ${source.name} has more than ${importBounds.manifests} manifests`);
    }
    return true;
  }

  /** What is to be known of a manifest; no more of it is kept while others are looked at. */
  function inspect({ digest, mediaType: type, bytes }: SourceManifest): Inspected {
    const parsed = parseManifest(bytes, type);
    const { mediaType, subject, references } = parsed;
    const size = bytes.byteLength;
    if (size > options.maxManifestBytes) {
      throw importFailed(
        `the manifest ${digest} has ${size} bytes, and this registry accepts ${options.maxManifestBytes}`,
      );
    }
    const keeps = size <= small && kept + size <= mostKept;
    if (keeps) kept += size;
    return {
      // A copy, since the bytes may be part of something larger.
      planned: { digest, mediaType, bytes: keeps ? bytes.slice() : undefined },
      size,
      subject: subject?.digest,
      children: references.filter(({ role }) => role === 'child').map((child) => [child.digest, child.size]),
      count: () => countBlobs(plan, parsed, options),
    };
  }

  async function load(digest: Digest): Promise<Inspected | undefined> {
    const manifest = (await recall(digest)) ?? (await source.manifest({ digest }));
    return manifest && inspect(manifest);
  }

  async function take({ planned, children }: Inspected, depth: number): Promise<void> {
    for (const [digest, size] of children) await takeChild(digest, size, depth + 1);
    plan.manifests.push(planned);
    await options.found(plan.manifests.length);
    for await (const { digest } of source.referrers(planned.digest))
      await takeReferrer(digest, planned.digest, depth + 1);
  }

  async function takeChild(digest: Digest, size: number, depth: number): Promise<void> {
    if (!enter(digest, depth)) return;
    const child = await load(digest);
    if (!child && options.sparseIndexes) return;
    if (!child) throw importFailed(`${source.name} does not have the manifest ${digest}, which its index names`);
    if (child.size !== size) {
      throw importFailed(`${source.name} has ${child.size} bytes of ${digest}, and its index says ${size}`);
    }
    await take(counted(child), depth);
  }

  async function takeReferrer(digest: Digest, subject: Digest, depth: number): Promise<void> {
    if (!enter(digest, depth)) return;
    const referrer = await load(digest);
    // A list may say what it likes; what refers says it itself.
    if (referrer?.subject === subject) await take(counted(referrer), depth);
  }

  await take(counted(inspect(root)), 0);
  return plan;
}

interface Inspected {
  planned: PlannedManifest;
  /** Bytes. */
  size: number;
  subject: Digest | undefined;
  children: (readonly [digest: Digest, size: number])[];
  /** Counts its blobs, once. */
  count: (() => void) | undefined;
}

/** Counts the blobs of what belongs to the image, and lets go of the rest of it. */
function counted(inspected: Inspected): Inspected {
  inspected.count?.();
  inspected.count = undefined;
  return inspected;
}

function countBlobs(plan: Plan, { references }: ParsedManifest, { maxBlobBytes, maxBytes, source }: PlanOptions): void {
  for (const { role, digest, size } of references) {
    if (role === 'child') continue;
    const known = plan.blobs.get(digest);
    if (known !== undefined && known !== size) {
      throw importFailed(`${source.name} gives two sizes of the blob ${digest}: ${known} and ${size}`);
    }
    if (known !== undefined) continue;
    if (size > maxBlobBytes) {
      throw importFailed(`the blob ${digest} has ${size} bytes, and this registry accepts ${maxBlobBytes}`);
    }
    plan.blobs.set(digest, size);
    plan.bytes += size;
    if (plan.bytes > maxBytes) {
      throw importFailed(
        `the image at ${source.name} has more than ${maxBytes} bytes; import.maxSize says how many it may have`,
      );
    }
    if (plan.blobs.size > importBounds.blobs) {
      throw importFailed(`the image at ${source.name} has more than ${importBounds.blobs} blobs`);
    }
  }
}

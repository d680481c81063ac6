import { type Catalog, findManifest, findRepository, listReferrers, mountFrom } from '../catalog/index.ts';
import type { Digest } from '../oci/index.ts';
import { requireDigest } from '../oci/index.ts';
import { importFailed } from './failure.ts';
import type { ImageSource, Place } from './image-source.ts';

/** Bytes of a page of referrers. */
const pageBytes = 1024 * 1024;

export interface LocalSourceOptions extends Place {
  catalog: Catalog;
  /** For people. */
  name: string;
  /** Throws where who asked for the import may not pull from there any more. */
  requirePull(): void;
  /** Throws where they may not pull that. */
  requireAdmitted?(image: { repositoryId: number; digest: Digest }): Promise<void>;
}

/** A repository of this server: its blobs are stored once, and only linked. */
export function createLocalSource({
  catalog,
  name,
  registryId,
  repository,
  requirePull,
  requireAdmitted,
}: LocalSourceOptions): ImageSource {
  const found = async () => {
    requirePull();
    const source = await findRepository(catalog, registryId, repository);
    if (!source) throw importFailed(`the source ${name} is gone`);
    return source;
  };
  return {
    name,
    async manifest(reference) {
      requirePull();
      const manifest = await findManifest(catalog, registryId, repository, reference);
      if (!manifest) return undefined;
      const { digest, mediaType } = manifest;
      await requireAdmitted?.(manifest);
      const bytes = manifest.bytes instanceof Blob ? await manifest.bytes.bytes() : manifest.bytes;
      return { digest, mediaType, bytes };
    },
    async *referrers(subject: Digest) {
      const source = await found();
      for (let last = ''; ;) {
        const page = { artifactType: undefined, last, maxBytes: pageBytes };
        const { referrers, more } = await listReferrers(catalog, source, subject, page);
        for (const { digest } of referrers) yield { digest: requireDigest(digest) };
        if (!more) return;
        last = referrers.at(-1)!.digest;
      }
    },
    async bring({ digest, size }, into, received) {
      const brought = await mountFrom(catalog, await found(), into.registryId, into.repository, digest);
      if (brought) received(size);
      return brought;
    },
  };
}

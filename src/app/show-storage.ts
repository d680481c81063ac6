import type { z } from 'zod';
import { bytesOf, type Catalog, isStorageCounted, largestRepositories, registryUsage } from '../catalog/index.ts';
import type { Directory } from '../identity/index.ts';
import { armKey } from '../operations/index.ts';
import { type listStorage, repositoryLimit } from '../registries/index.ts';
import { resourceNotFound } from '../resources/index.ts';
import type { Tiers } from '../tiers/index.ts';
import { registryLimit } from './storage-limits.ts';

type Shown = z.output<typeof listStorage.output>;

/** Answers `listStorage` of a registry's resource. */
export async function showStorage(
  catalog: Catalog,
  { directory, tiers }: { directory(): Directory; tiers: Tiers },
  resourceId: string,
  { top }: { top: number },
): Promise<Shown> {
  const key = armKey(resourceId);
  const registry = key === undefined ? undefined : directory().registryAt(key);
  if (!registry) throw resourceNotFound(resourceId);
  const usage = await registryUsage(catalog, registry.id);
  const repositories = await largestRepositories(catalog, registry.id, top);
  const limit = registryLimit(registry, tiers)?.limit;
  return {
    bytes: bytesOf(usage),
    blobs: usage.blobs,
    manifests: usage.manifests,
    ...(limit !== undefined && { limitBytes: limit }),
    counted: await isStorageCounted(catalog),
    repositories: repositories.map((size) => {
      const own = repositoryLimit(registry.storageQuota ?? {}, size.name);
      return {
        name: size.name,
        bytes: bytesOf(size),
        uniqueBytes: size.ownBytes + size.manifestBytes,
        sharedBytes: size.blobBytes - size.ownBytes,
        blobs: size.blobs,
        manifests: size.manifests,
        ...(own && { limitBytes: own.limitBytes }),
      };
    }),
  };
}

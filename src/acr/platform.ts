import { LRUCache } from 'lru-cache';
import { findLinkedBlob, type ManifestDescription, type Repository } from '../catalog/index.ts';
import { type Digest, type Platform, platformOfConfig } from '../oci/index.ts';
import type { Attributes } from './exchange.ts';

/** Largest config (bytes) that is read; those of images have some thousands. */
const largestConfig = 1024 * 1024;

/** Platforms by the digest of their config, which says the same everywhere. Who may ask is decided before. */
const known = new LRUCache<Digest, Platform>({ max: 4096 });

const configTypes = new Set([
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
]);

/** Whether a manifest's config says what it runs on. */
export function hasPlatform(config: ManifestDescription['config']): config is NonNullable<typeof config> {
  return config !== undefined && configTypes.has(config.mediaType);
}

/** What an image runs on: its config says that, a blob. Nothing where it is none, large, or cannot be read now. */
export async function platformOf(
  { catalog, blobs }: Attributes,
  { registryId, name }: Repository,
  { config }: Pick<ManifestDescription, 'config'>,
): Promise<Platform> {
  if (!hasPlatform(config)) return {};
  const before = known.get(config.digest);
  if (before) return before;
  try {
    const blob = await findLinkedBlob(catalog, registryId, name, config.digest);
    if (!blob || blob.size === 0 || blob.size > largestConfig) return {};
    const platform = platformOfConfig(await new Response(await blobs.read(blob.key, 0, blob.size - 1)).bytes());
    known.set(config.digest, platform);
    return platform;
  } catch {
    // The rest is known all the same, and whoever pulls the image hears of it: also where the repository must not be read.
    return {};
  }
}

import type { Attributes, DeletedManifest, ManifestDescription, RepositoryFacts, TagFacts } from '../catalog/index.ts';
import type { Platform } from '../oci/index.ts';
import type { Exchange, QuarantineState } from './exchange.ts';

export const iso = (at: number): string => new Date(at).toISOString();

/** Where every answer about content says it comes from (acr §3.2). */
export function sourceOf(exchange: Exchange, imageName: string): { registry: string; imageName: string } {
  return { registry: new URL(exchange.origin()).host, imageName };
}

/**
 * The entries of a page as ACR has them: null where there are none. `acr` asks behind the last entry until that comes, and looks
 * for the last one of any other page.
 */
export const entriesOf = <T>(entries: T[]): T[] | null => (entries.length === 0 ? null : entries);

/** ACR's attributes, and ours of a lock. */
function renderAttributes({ lock, ...abilities }: Attributes) {
  const { deleteEnabled, writeEnabled, readEnabled, listEnabled } = abilities;
  return {
    deleteEnabled,
    writeEnabled,
    readEnabled,
    listEnabled,
    ...(lock && {
      lockOwner: lock.owner,
      ...(lock.reason !== undefined && { lockReason: lock.reason }),
      ...(lock.expiresAt !== undefined && { lockExpiresOn: iso(lock.expiresAt) }),
    }),
  };
}

/** About as many bytes as locks have in JSON. */
export function lockBytes(all: readonly { attributes: Attributes }[]): number {
  return all.reduce((sum, { attributes: { lock } }) => {
    return lock ? sum + 2 * (lock.owner.length + (lock.reason?.length ?? 0)) + 100 : sum;
  }, 0);
}

export function renderTag({ name, digest, createdAt, updatedAt, attributes }: TagFacts) {
  return {
    name,
    digest,
    createdTime: iso(createdAt),
    lastUpdateTime: iso(updatedAt),
    signed: false,
    changeableAttributes: renderAttributes(attributes),
  };
}

/** What is said of a manifest that is there, and of one that is kept as deleted. */
export function renderContent(manifest: DeletedManifest | ManifestDescription) {
  const { digest, mediaType, artifactType, pushedAt, imageSize, tags } = manifest;
  return {
    digest,
    imageSize,
    createdTime: iso(pushedAt),
    lastUpdateTime: iso(pushedAt),
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...(tags.length > 0 && { tags }),
  };
}

export function renderManifest(
  manifest: ManifestDescription,
  { architecture, os }: Platform = {},
  { state, details }: { state?: QuarantineState; details?: string } = {},
) {
  const { config, children } = manifest;
  return {
    ...renderContent(manifest),
    ...(architecture !== undefined && { architecture }),
    ...(os !== undefined && { os }),
    ...(config && { configMediaType: config.mediaType }),
    ...(children.length > 0 && { references: children }),
    changeableAttributes: {
      ...renderAttributes(manifest.attributes),
      ...(state !== undefined && { quarantineState: state }),
      ...(details !== undefined && { quarantineDetails: details }),
    },
  };
}

export function renderRepository(facts: RepositoryFacts) {
  return {
    createdTime: iso(facts.createdAt),
    lastUpdateTime: iso(facts.updatedAt),
    manifestCount: facts.manifestCount,
    tagCount: facts.tagCount,
    changeableAttributes: renderAttributes(facts.attributes),
  };
}

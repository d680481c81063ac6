import type { ManifestDescription, TagFacts } from '../catalog/index.ts';
import type { Platform } from '../oci/index.ts';
import type { Exchange } from './exchange.ts';

/** What may be done with something. All of it, as long as nothing can be locked. */
const changeableAttributes = { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true };

const iso = (at: number): string => new Date(at).toISOString();

/** Where every answer about content says it comes from (acr §3.2). */
export function sourceOf(exchange: Exchange, imageName: string): { registry: string; imageName: string } {
  return { registry: new URL(exchange.origin()).host, imageName };
}

export function renderTag({ name, digest, createdAt, updatedAt }: TagFacts) {
  return {
    name,
    digest,
    createdTime: iso(createdAt),
    lastUpdateTime: iso(updatedAt),
    signed: false,
    changeableAttributes,
  };
}

export function renderManifest(manifest: ManifestDescription, { architecture, os }: Platform = {}) {
  const { digest, mediaType, artifactType, pushedAt, imageSize, config, tags, children } = manifest;
  return {
    digest,
    imageSize,
    createdTime: iso(pushedAt),
    lastUpdateTime: iso(pushedAt),
    mediaType,
    ...(architecture !== undefined && { architecture }),
    ...(os !== undefined && { os }),
    ...(config && { configMediaType: config.mediaType }),
    ...(artifactType !== undefined && { artifactType }),
    ...(tags.length > 0 && { tags }),
    ...(children.length > 0 && { references: children }),
    changeableAttributes,
  };
}

export function renderRepository(facts: {
  createdAt: number;
  updatedAt: number;
  manifestCount: number;
  tagCount: number;
}) {
  return {
    createdTime: iso(facts.createdAt),
    lastUpdateTime: iso(facts.updatedAt),
    manifestCount: facts.manifestCount,
    tagCount: facts.tagCount,
    changeableAttributes,
  };
}

/** Media types by their specification: OCI image-spec "media-types.md" and Docker's image manifest v2 schema 2. */
export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociArtifact: 'application/vnd.oci.artifact.manifest.v1+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

export type ManifestKind = 'image' | 'index' | 'artifact';

const kinds: Record<string, ManifestKind> = {
  [mediaTypes.ociManifest]: 'image',
  [mediaTypes.dockerManifest]: 'image',
  [mediaTypes.ociIndex]: 'index',
  [mediaTypes.dockerList]: 'index',
  [mediaTypes.ociArtifact]: 'artifact',
};

/** What a manifest media type holds; undefined for every type that is not a manifest. */
export function manifestKind(mediaType: string): ManifestKind | undefined {
  return Object.hasOwn(kinds, mediaType) ? kinds[mediaType] : undefined;
}

export function isSchema1(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerSchema1 || mediaType === mediaTypes.dockerSchema1Signed;
}

/** Layers that may stay with their vendor: image-spec "layer.md" (non-distributable) and Docker's foreign layers. */
export function isNondistributable(mediaType: string): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.v1.') ||
    mediaType.startsWith('application/vnd.docker.image.rootfs.foreign.diff.')
  );
}

const restrictedName = '[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}';
const mediaTypePattern = new RegExp(`^${restrictedName}/${restrictedName}$`);
const contentTypePattern = new RegExp(`^${restrictedName}/${restrictedName}(?:;[\\x20-\\x7e]*)?$`);

/** RFC 6838 §4.2 with its length limits; without parameters. */
export function isMediaType(value: string): boolean {
  return value.length <= 255 && mediaTypePattern.test(value);
}

/** A media type of content, which may have parameters: `text/plain;charset=utf-8`. */
export function isContentType(value: string): boolean {
  return value.length <= 255 && contentTypePattern.test(value);
}

const imageConfigs = new Set<string | undefined>([
  mediaTypes.ociConfig,
  'application/vnd.docker.container.image.v1+json',
]);
const fileSystem = /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.)/;

/** Whether somebody could run a manifest, by the types of its config and its layers: one layer of a file system is enough. */
export function isRunnable(config: string | undefined, layers: readonly { mediaType: string }[]): boolean {
  return imageConfigs.has(config) || layers.some(({ mediaType }) => fileSystem.test(mediaType));
}

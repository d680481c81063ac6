import { type Descriptor, optionalMediaType, parseAnnotations, parseDescriptor } from './descriptor.ts';
import { decodeManifest, invalid, isPresent, type Json, list } from './manifest-json.ts';
import { isNondistributable, isSchema1, type ManifestKind, manifestKind, mediaTypes } from './media-types.ts';

export type ReferenceRole = 'config' | 'layer' | 'child' | 'blob';

export interface ManifestReference extends Descriptor {
  role: ReferenceRole;
  /** False for layers whose media type says that they may stay with their vendor. */
  required: boolean;
}

export interface ParsedManifest {
  kind: ManifestKind;
  mediaType: string;
  /** The type of the artifact: its own field, else the config's media type (distribution-spec "Listing Referrers"). */
  artifactType: string | undefined;
  /** In the order of the manifest; one digest may come several times. */
  references: ManifestReference[];
  subject: Descriptor | undefined;
  annotations: Record<string, string> | undefined;
}

/** The lists that each kind may have: with another one, one reader would see an image, the other an index. */
const foreign: Record<ManifestKind, readonly string[]> = {
  image: ['manifests', 'fsLayers'],
  index: ['config', 'layers', 'fsLayers'],
  artifact: ['config', 'layers', 'manifests', 'fsLayers'],
};

/**
 * Parses and validates manifest bytes against their Content-Type (image-spec manifest.md and image-index.md, Docker
 * manifest v2 schema 2). Throws MANIFEST_INVALID with the field at fault, SIZE_INVALID beyond `maxManifestBytes`; no
 * reference is looked up here.
 */
export function parseManifest(bytes: Uint8Array, contentType: string): ParsedManifest {
  const json = decodeManifest(bytes);
  const mediaType = agreedMediaType(json, contentType);
  const kind = manifestKind(mediaType);
  if (!kind) throw invalid('mediaType', `media type ${mediaType.slice(0, 200)} is not a manifest that can be stored`);
  if (json.schemaVersion !== 2 && kind !== 'artifact') throw invalid('schemaVersion', 'schemaVersion must be 2');
  for (const field of foreign[kind]) {
    // CVE-2021-41190.
    if (json[field] !== undefined) throw invalid(field, `a manifest of type ${mediaType} cannot have ${field}`);
  }
  const references = referencesOf(json, kind);
  const subject = isPresent(json.subject) ? parseDescriptor(json.subject, 'subject') : undefined;
  const ownType = optionalMediaType(json.artifactType, 'artifactType');
  return {
    kind,
    mediaType,
    artifactType: ownType ?? (kind === 'image' ? references[0]?.mediaType : undefined),
    references,
    subject,
    annotations: parseAnnotations(json.annotations, 'annotations'),
  };
}

/** Content-Type and the mediaType field must agree; either may be absent, not both: the content is never guessed at. */
function agreedMediaType(json: Json, contentType: string): string {
  const header = contentType.split(';', 1)[0]!.trim();
  const field = json.mediaType ?? undefined;
  if (field !== undefined && typeof field !== 'string') throw invalid('mediaType', 'mediaType must be a string');
  if (isSchema1(header) || (field !== undefined && isSchema1(field)) || json.schemaVersion === 1) {
    throw invalid(
      'schemaVersion',
      'Docker image manifest version 2, schema 1 is not accepted; push the image with a client that writes schema 2 or OCI',
      'schema1',
    );
  }
  const generic = header === '' || header === 'application/json' || header === 'application/octet-stream';
  if (!generic && field !== undefined && header !== field) {
    throw invalid('mediaType', `Content-Type ${header.slice(0, 200)} differs from mediaType ${field.slice(0, 200)}`);
  }
  const mediaType = generic ? field : header;
  if (mediaType === undefined) {
    throw invalid(
      'mediaType',
      `neither the Content-Type nor mediaType names a manifest, such as ${mediaTypes.ociManifest}`,
    );
  }
  return mediaType;
}

/** As nearly all clients begin it. */
const usualBeginning = /^\s*\{\s*"schemaVersion"\s*:\s*2\s*,\s*"mediaType"\s*:\s*"([\w.+/-]+)"/;
const decoder = new TextDecoder();

/** The media type that a stored manifest names itself; undefined where it has the one that it was pushed with. */
export function ownMediaType(bytes: Uint8Array): string | undefined {
  const usual = usualBeginning.exec(decoder.decode(bytes.subarray(0, 200)))?.[1];
  if (usual !== undefined) return usual;
  try {
    const { mediaType } = JSON.parse(decoder.decode(bytes)) as Json;
    return typeof mediaType === 'string' ? mediaType : undefined;
  } catch {
    return undefined;
  }
}

function referencesOf(json: Json, kind: ManifestKind): ManifestReference[] {
  if (kind === 'image') {
    const layers = list(json.layers, 'layers').map((item, at) => reference(item, `layers[${at}]`, 'layer'));
    return [reference(json.config, 'config', 'config'), ...layers];
  }
  if (kind === 'artifact') {
    return list(json.blobs ?? [], 'blobs').map((item, at) => reference(item, `blobs[${at}]`, 'blob'));
  }
  return list(json.manifests, 'manifests').map((item, at) => {
    const child = reference(item, `manifests[${at}]`, 'child');
    // BuildKit's cache index lists layers: a child that is not a manifest is a blob.
    return manifestKind(child.mediaType) ? child : { ...child, role: 'blob' };
  });
}

function reference(value: unknown, path: string, role: ReferenceRole): ManifestReference {
  const found = parseDescriptor(value, path);
  return { ...found, role, required: !(role === 'layer' && isNondistributable(found.mediaType)) };
}

/** One reference a digest, in the order of digests: required when any is. A list may repeat a child. */
export function distinctReferences({ references }: ParsedManifest): ManifestReference[] {
  const distinct = new Map<string, ManifestReference>();
  for (const item of references) {
    const first = distinct.get(item.digest);
    distinct.set(item.digest, first ? { ...first, required: first.required || item.required } : item);
  }
  return [...distinct.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
}

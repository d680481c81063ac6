import { RegistryError } from '../errors/index.ts';
import { type Digest, digestAlgorithm, digestOf, parseDigest } from './digest.ts';
import { jsonDepth, maxJsonDepth } from './json-bounds.ts';
import { isMediaType, isNondistributable, isSchema1, type ManifestKind, manifestKind } from './media-types.ts';

/** Largest manifest, for push and pull alike (distribution-spec: at least 4 MiB). Bytes. */
export const maxManifestBytes = 4 * 1024 * 1024;
/** Most descriptors in one manifest. */
export const maxReferences = 10_000;

export type ReferenceRole = 'config' | 'layer' | 'child' | 'blob';

export interface ManifestReference {
  digest: Digest;
  size: number;
  mediaType: string;
  role: ReferenceRole;
  /** False for layers that stay with their vendor, and for descriptors that carry `urls` of such a kind. */
  required: boolean;
}

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  size: number;
}

export interface ParsedManifest {
  kind: ManifestKind;
  mediaType: string;
  /** The type of the artifact: its own field, else the config's media type (distribution-spec "Listing Referrers"). */
  artifactType: string | undefined;
  references: ManifestReference[];
  subject: Descriptor | undefined;
  annotations: Record<string, string> | undefined;
}

type Json = Record<string, unknown>;

/**
 * Parses and validates manifest bytes against their Content-Type (image-spec manifest.md and image-index.md, Docker
 * manifest v2 schema 2). Throws MANIFEST_INVALID with the field at fault; no reference is looked up here.
 */
export function parseManifest(bytes: Uint8Array, contentType: string): ParsedManifest {
  const json = decode(bytes);
  const mediaType = agreedMediaType(json, contentType);
  const kind = manifestKind(mediaType);
  if (!kind) throw invalid('mediaType', `media type ${mediaType.slice(0, 200)} is not a manifest that can be stored`);
  if (json.schemaVersion !== 2 && kind !== 'artifact') throw invalid('schemaVersion', 'schemaVersion must be 2');
  if ((json.manifests !== undefined && kind !== 'index') || (json.layers !== undefined && kind !== 'image')) {
    // One reader would see an image, the other an index: CVE-2021-41190.
    throw invalid('mediaType', `a manifest of type ${mediaType} cannot have this list of descriptors`);
  }
  const references: ManifestReference[] = [];
  if (kind === 'image') {
    references.push(reference(json.config, 'config', 'config'));
    references.push(...list(json.layers, 'layers').map((item, at) => reference(item, `layers[${at}]`, 'layer')));
  } else if (kind === 'index') {
    references.push(
      ...list(json.manifests, 'manifests').map((item, at) => {
        const path = `manifests[${at}]`;
        // BuildKit's cache index lists layers: a child that is not a manifest is a blob.
        return reference(item, path, manifestKind(mediaTypeOf(item, path)) ? 'child' : 'blob');
      }),
    );
  } else {
    references.push(
      ...list(json.blobs ?? [], 'blobs').map((item, at) => reference(item, `blobs[${at}]`, 'blob')),
    );
  }
  const subject = json.subject === undefined ? undefined : descriptor(json.subject, 'subject');
  const ownType = optionalMediaType(json.artifactType, 'artifactType');
  return {
    kind,
    mediaType,
    artifactType: ownType ?? (kind === 'image' ? references[0]?.mediaType : undefined),
    references,
    subject,
    annotations: annotationsOf(json.annotations, 'annotations'),
  };
}

function decode(bytes: Uint8Array): Json {
  let json: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    if (jsonDepth(text) > maxJsonDepth) throw invalid('', `the manifest is nested deeper than ${maxJsonDepth} levels`);
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw invalid('', 'the manifest is not valid JSON in UTF-8');
  }
  return object(json, '');
}

/** Content-Type and the mediaType field must agree; either may be absent, not both (lesson: never guess by content). */
function agreedMediaType(json: Json, contentType: string): string {
  const header = contentType.split(';', 1)[0]!.trim();
  const field = json.mediaType;
  if (field !== undefined && typeof field !== 'string') throw invalid('mediaType', 'mediaType must be a string');
  if (isSchema1(header) || (field !== undefined && isSchema1(field)) || json.schemaVersion === 1) {
    throw invalid('schemaVersion', 'image manifest version 2, schema 1 is not accepted; push schema 2 or OCI', 'schema1');
  }
  const generic = header === '' || header === 'application/json' || header === 'application/octet-stream';
  if (!generic && field !== undefined && header !== field) {
    throw invalid('mediaType', `Content-Type ${header.slice(0, 200)} differs from mediaType ${field.slice(0, 200)}`);
  }
  const mediaType = generic ? field : header;
  if (mediaType === undefined) throw invalid('mediaType', 'the Content-Type does not name a manifest media type');
  return mediaType;
}

function mediaTypeOf(value: unknown, path: string): string {
  const { mediaType } = object(value, path);
  if (typeof mediaType !== 'string' || !isMediaType(mediaType)) {
    throw invalid(`${path}.mediaType`, 'mediaType must be a media type (RFC 6838)');
  }
  return mediaType;
}

function descriptor(value: unknown, path: string): Descriptor {
  const json = object(value, path);
  const mediaType = mediaTypeOf(json, path);
  const digest = typeof json.digest === 'string' ? parseDigest(json.digest) : undefined;
  if (!digest) throw invalid(`${path}.digest`, 'digest must be sha256:<64 hex> or sha512:<128 hex>');
  const { size } = json;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalid(`${path}.size`, 'size must be a number of bytes');
  }
  if (json.data !== undefined) verifyData(json.data, digest, size, path);
  if (json.urls !== undefined) {
    const urls = list(json.urls, `${path}.urls`);
    if (!urls.every((url) => typeof url === 'string')) throw invalid(`${path}.urls`, 'urls must be strings');
  }
  annotationsOf(json.annotations, `${path}.annotations`);
  return { mediaType, digest, size };
}

/** Embedded content must be what its descriptor says (image-spec descriptor.md, "data"). */
function verifyData(data: unknown, digest: Digest, size: number, path: string): void {
  if (typeof data !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) {
    throw invalid(`${path}.data`, 'data must be base64');
  }
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length !== size || digestOf(bytes, digestAlgorithm(digest)) !== digest) {
    throw invalid(`${path}.data`, 'data does not have the size and digest of its descriptor');
  }
}

function reference(value: unknown, path: string, role: ReferenceRole): ManifestReference {
  const { digest, size, mediaType } = descriptor(value, path);
  return { digest, size, mediaType, role, required: !(role === 'layer' && isNondistributable(mediaType)) };
}

function annotationsOf(value: unknown, path: string): Record<string, string> | undefined {
  // Go clients marshal an empty map as null.
  if (value === undefined || value === null) return undefined;
  const json = object(value, path);
  for (const key in json) if (typeof json[key] !== 'string') throw invalid(path, 'annotations must be strings');
  return json as Record<string, string>;
}

function optionalMediaType(value: unknown, path: string): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' || !isMediaType(value)) throw invalid(path, `${path} must be a media type (RFC 6838)`);
  return value;
}

function list(value: unknown, path: string): unknown[] {
  // Go clients marshal an empty list as null.
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(path, `${path} must be a list`);
  if (value.length > maxReferences) throw invalid(path, `${path} has more than ${maxReferences} entries`);
  return value;
}

function object(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, `${path || 'the manifest'} must be a JSON object`);
  }
  return value as Json;
}

function invalid(field: string, message: string, reason?: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', {
    message,
    detail: { ...(field && { field }), ...(reason && { reason }) },
  });
}

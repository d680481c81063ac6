import { type Digest, digestAlgorithm, digestOf, parseDigest } from './digest.ts';
import { fieldsOf, invalid, isPresent, type Json, list, object } from './manifest-json.ts';
import { isContentType, isMediaType } from './media-types.ts';

export interface Descriptor {
  mediaType: string;
  digest: Digest;
  /** Bytes. */
  size: number;
}

/** A descriptor (image-spec descriptor.md), with every property checked that a client would trip over. */
export function parseDescriptor(value: unknown, path: string): Descriptor {
  const json = fieldsOf(value, path);
  const mediaType = mediaTypeOf(json, path);
  const digest = typeof json.digest === 'string' ? parseDigest(json.digest) : undefined;
  if (!digest)
    throw invalid(`${path}.digest`, 'digest must be sha256:<64 lowercase hex> or sha512:<128 lowercase hex>');
  const { size } = json;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0 || Object.is(size, -0)) {
    throw invalid(`${path}.size`, 'size must be a number of bytes');
  }
  if (isPresent(json.data)) verifyData(json.data, digest, size, path);
  if (isPresent(json.urls)) {
    const urls = list(json.urls, `${path}.urls`);
    if (!urls.every((url) => typeof url === 'string')) throw invalid(`${path}.urls`, 'urls must be strings');
  }
  optionalMediaType(json.artifactType, `${path}.artifactType`);
  parseAnnotations(json.annotations, `${path}.annotations`);
  return { mediaType, digest, size };
}

function mediaTypeOf({ mediaType }: Json, path: string): string {
  if (typeof mediaType !== 'string' || !isContentType(mediaType)) {
    throw invalid(`${path}.mediaType`, 'mediaType must be a media type (RFC 6838)');
  }
  return mediaType;
}

/** Embedded content must be what its descriptor says (image-spec descriptor.md, "data"). */
function verifyData(data: unknown, digest: Digest, size: number, path: string): void {
  if (typeof data !== 'string' || data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) {
    throw invalid(`${path}.data`, 'data must be base64');
  }
  const bytes = Buffer.from(data, 'base64');
  if (bytes.length !== size || digestOf(bytes, digestAlgorithm(digest)) !== digest) {
    throw invalid(`${path}.data`, 'data does not have the size and digest of its descriptor');
  }
}

export function parseAnnotations(value: unknown, path: string): Record<string, string> | undefined {
  if (!isPresent(value)) return undefined;
  const json = object(value, path);
  for (const key in json) if (typeof json[key] !== 'string') throw invalid(path, 'annotations must be strings');
  return json as Record<string, string>;
}

export function optionalMediaType(value: unknown, path: string): string | undefined {
  if (!isPresent(value) || value === '') return undefined;
  if (typeof value !== 'string' || !isMediaType(value)) throw invalid(path, `${path} must be a media type (RFC 6838)`);
  return value;
}

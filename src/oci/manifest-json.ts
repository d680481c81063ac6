import { RegistryError } from '../errors/index.ts';
import { jsonShape, maxJsonDepth, maxJsonKeys } from './json-bounds.ts';

/** Largest manifest, for push and pull alike (distribution-spec: at least 4 MiB). Bytes. */
export const maxManifestBytes = 4 * 1024 * 1024;
/** Most descriptors in one list of a manifest. */
export const maxReferences = 10_000;

export type Json = Record<string, unknown>;

/** Fields that change what a manifest means. */
const fields = [
  'annotations',
  'artifactType',
  'blobs',
  'config',
  'data',
  'digest',
  'fsLayers',
  'layers',
  'manifests',
  'mediaType',
  'schemaVersion',
  'size',
  'subject',
  'urls',
];
const known = new Set(fields);
const folded = new Map(fields.map((field) => [fold(field), field]));

/** The JSON object of a manifest's bytes. Throws MANIFEST_INVALID, or SIZE_INVALID when there are too many. */
export function decodeManifest(bytes: Uint8Array): Json {
  if (bytes.byteLength > maxManifestBytes) {
    throw new RegistryError('SIZE_INVALID', {
      status: 413,
      message: `the manifest is larger than ${maxManifestBytes} bytes`,
      detail: { maxBytes: maxManifestBytes },
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalid('', 'the manifest is not UTF-8');
  }
  const { depth, keys, repeatedKey } = jsonShape(text);
  if (depth > maxJsonDepth) throw invalid('', `the manifest is nested deeper than ${maxJsonDepth} levels`);
  if (keys > maxJsonKeys) throw invalid('', `the manifest has more than ${maxJsonKeys} keys`);
  if (repeatedKey !== undefined) throw invalid(repeatedKey.slice(0, 100), 'the manifest gives a key twice');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid('', 'the manifest is not valid JSON');
  }
  return fieldsOf(json, '');
}

/**
 * An object whose fields are read. Go's decoder takes `Layers` for `layers`, so a key that differs only in case would
 * show such a client another manifest than the one that was checked here.
 */
export function fieldsOf(value: unknown, path: string): Json {
  const json = object(value, path);
  for (const key in json) {
    if (known.has(key)) continue;
    const field = folded.get(fold(key));
    if (field) throw invalid(path ? `${path}.${field}` : field, `the key ${field} is spelt with other letters`);
  }
  return json;
}

export function object(value: unknown, path: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(path, `${path || 'the manifest'} must be a JSON object`);
  }
  return value as Json;
}

export function list(value: unknown, path: string): unknown[] {
  // Go clients marshal an empty list as null.
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(path, `${path} must be a list`);
  if (value.length > maxReferences) throw invalid(path, `${path} has more than ${maxReferences} entries`);
  return value;
}

/** Whether an optional field is there; Go clients marshal some absent ones as null. */
export function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function invalid(field: string, message: string, reason?: string): RegistryError {
  return new RegistryError('MANIFEST_INVALID', {
    message,
    detail: { ...(field && { field }), ...(reason && { reason }) },
  });
}

/** Folds as Go's decoder does: also the long s and the Kelvin sign are letters of ours in another case. */
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

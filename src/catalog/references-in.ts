import { RegistryError } from '../errors/index.ts';
import { distinctReferences, type ManifestReference, parseManifest } from '../oci/index.ts';

/** What a stored manifest names; undefined where its bytes are no manifest of the type that it is recorded to have. */
export function referencesIn(bytes: Uint8Array, mediaType: string): ManifestReference[] | undefined {
  try {
    return distinctReferences(parseManifest(bytes, mediaType));
  } catch (error) {
    if (error instanceof RegistryError) return undefined;
    throw error;
  }
}

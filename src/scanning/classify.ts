import type { StoredContent } from '../catalog/index.ts';
import { type Digest, isRunnable, parseManifest } from '../oci/index.ts';

export interface ImageLayer {
  digest: Digest;
  mediaType: string;
}

export interface ScannableImage {
  config: Digest | undefined;
  /** From the lowest to the topmost. */
  layers: ImageLayer[];
}

/**
 * What of a manifest there is to scan. Undefined: nothing of it can run, as signatures, charts and indexes cannot, whose images
 * are scanned each. Told by the config and the layers, never by a name or a tag: one layer that a run time would unpack makes
 * it an image. A layer that is none then says so itself.
 */
export function scannable({ kind, bytes, mediaType }: StoredContent): ScannableImage | undefined {
  if (kind !== 'image') return undefined;
  const { references } = parseManifest(bytes, mediaType);
  const config = references.find(({ role }) => role === 'config');
  const layers = references.filter(({ role }) => role === 'layer');
  if (!isRunnable(config?.mediaType, layers)) return undefined;
  return { config: config?.digest, layers: layers.map(({ digest, mediaType: type }) => ({ digest, mediaType: type })) };
}

const attestation = 'application/vnd.in-toto+json';

/** Whether all that an image has are statements about others: BuildKit keeps them beside the images of an index. */
export function isAttestation({ layers }: ScannableImage): boolean {
  return layers.length > 0 && layers.every(({ mediaType }) => mediaType === attestation);
}

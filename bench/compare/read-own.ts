import { join } from 'node:path';
import { z } from 'zod';
import { createLayerReaders, type ImageWarning, mergeLayers } from '../../src/inventory/index.ts';
import type { Digest } from '../../src/oci/index.ts';
import { type Listed, listedOf, withoutRepeats } from './listed.ts';

const digest = z.string().transform((text) => text as Digest);
const index = z.object({ manifests: z.array(z.object({ digest })) });
const manifest = z.object({ layers: z.array(z.object({ digest, mediaType: z.string(), size: z.number() })) });

/** What the server would list of an image that lies as an OCI layout, by the processes in which it reads layers. */
export async function readOwn(
  layout: string,
): Promise<{ listed: Listed[]; warnings: ImageWarning[]; size: { layers: number; bytes: number } }> {
  const blob = (of: Digest) => Bun.file(join(layout, 'blobs', ...of.split(':')));
  const { manifests } = index.parse(await Bun.file(join(layout, 'index.json')).json());
  const described = manifest.parse(await blob(manifests[0]!.digest).json()).layers;
  const readers = createLayerReaders();
  const layers = [];
  for (const { digest: layer, mediaType } of described) {
    const read = await readers.read(() => blob(layer), { mediaType, signal: AbortSignal.timeout(600_000) });
    if (!read.ok) throw new Error(`layer ${layer} could not be read: ${read.detail} ${read.said}`);
    layers.push({ digest: layer, inventory: read.inventory });
  }
  await readers.close();
  const { components, warnings } = mergeLayers(layers);
  const listed = components.flatMap((one) => {
    const source = one.type === 'deb' ? { name: one.name, version: one.version } : undefined;
    return listedOf(one.purl, { paths: [one.path], ...(source && { source }) }) ?? [];
  });
  const size = { layers: described.length, bytes: described.reduce((sum, one) => sum + one.size, 0) };
  return { listed: withoutRepeats(listed), warnings, size };
}

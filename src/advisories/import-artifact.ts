import type { Artifact, ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType } from './bundle.ts';
import { spool } from './formats/spool.ts';
import type { ImportContext } from './import-context.ts';
import { importRefused } from './import-error.ts';
import { type FileOptions, importFile } from './import-file.ts';
import type { FeedOutcome } from './record-feed.ts';

const mostLayers = 1000;

export interface ArtifactOptions extends Omit<FileOptions, 'origin'> {
  /** Layers that are known already, by their digests: what has not changed is not read again. */
  known?: ReadonlySet<string>;
}

export interface ArtifactOutcome {
  feeds: FeedOutcome[];
  /** Of the layers that are imported by now. */
  layers: string[];
}

/**
 * Imports an artifact: a bundle of another server, trivy-db as it is published, or a file that somebody pushed. A layer is
 * imported once its bytes are known to be what its digest says.
 */
export async function importArtifact(
  context: ImportContext,
  artifact: Artifact,
  options: ArtifactOptions,
): Promise<ArtifactOutcome> {
  const { known = new Set() } = options;
  const layers = artifact.layers.filter(isContent);
  if (layers.length === 0) throw importRefused(`${artifact.name} holds no advisories`);
  if (layers.length > mostLayers) throw importRefused(`${artifact.name} has more than ${mostLayers} layers`);
  const feeds: FeedOutcome[] = [];
  for (const layer of layers) {
    if (known.has(layer.digest)) continue;
    if (layer.size > context.maxBytes)
      throw importRefused(
        `a layer of ${artifact.name} has ${layer.size} bytes, more than advisories.maxDownload allows`,
      );
    await using file = await spool(layer.read(), context.maxBytes);
    feeds.push(
      ...(await importFile(context, file, {
        ...options,
        origin: originOf(artifact, layer),
        ...ecosystemOf(layer, options),
      })),
    );
  }
  return { feeds, layers: layers.map(({ digest }) => digest) };
}

/** Of a bundle, only the layers that this version knows. */
const isContent = ({ mediaType }: ArtifactLayer) =>
  mediaType === bundleLayerType ||
  (!mediaType.startsWith(bundleArtifactType) && mediaType !== 'application/vnd.oci.empty.v1+json');

const titleKey = 'org.opencontainers.image.title';
export const ecosystemKey = 'vnd.bonded.advisories.ecosystem';

function originOf({ name }: Artifact, { annotations }: ArtifactLayer): string {
  const title = annotations[titleKey];
  return title === undefined ? name : `${name} (${title.slice(0, 200)})`;
}

/** Who pushed a file may have said of which ecosystem it is. */
function ecosystemOf({ annotations }: ArtifactLayer, { ecosystem }: ArtifactOptions): { ecosystem?: string } {
  const said = ecosystem ?? annotations[ecosystemKey];
  return said === undefined ? {} : { ecosystem: said };
}

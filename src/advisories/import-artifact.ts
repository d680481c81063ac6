import type { Artifact, ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType, layerKeys } from './bundle.ts';
import { confirmFeed } from './feed-rows.ts';
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
    const at = timeOf(layer, context.now());
    const feed = layer.annotations[layerKeys.feed];
    if (known.has(layer.digest)) {
      // It still is what its source has.
      if (feed !== undefined && at !== undefined) await confirmFeed(context.db, feed, at);
      continue;
    }
    if (layer.size > context.maxBytes)
      throw importRefused(
        `a layer of ${artifact.name} has ${layer.size} bytes, more than advisories.maxDownload allows`,
      );
    await using file = await spool(layer.read(), context.maxBytes);
    feeds.push(
      ...(await importFile(context, file, {
        ...options,
        at,
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

function originOf({ name }: Artifact, { annotations }: ArtifactLayer): string {
  const title = annotations[titleKey];
  return title === undefined ? name : `${name} (${title.slice(0, 200)})`;
}

/** Who pushed a file may have said of which ecosystem it is. */
function ecosystemOf({ annotations }: ArtifactLayer, { ecosystem }: ArtifactOptions): { ecosystem?: string } {
  const said = ecosystem ?? annotations[layerKeys.ecosystem];
  return said === undefined ? {} : { ecosystem: said };
}

/** When a layer was up to date where it was made; what is in the future is now. */
function timeOf({ annotations }: ArtifactLayer, now: number): number | undefined {
  const at = Date.parse(annotations[layerKeys.at] ?? '');
  return Number.isNaN(at) ? undefined : Math.min(at, now);
}

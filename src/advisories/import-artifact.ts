import type { Artifact, ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType, layerKeys } from './bundle.ts';
import { confirmFeed, findFeed } from './feed-rows.ts';
import { spool } from './formats/spool.ts';
import type { ImportContext } from './import-context.ts';
import { importRefused } from './import-error.ts';
import { type FileOptions, importFile } from './import-file.ts';
import type { FeedOutcome } from './record-feed.ts';

const mostLayers = 1000;

export interface ArtifactOptions extends Omit<FileOptions, 'origin'> {
  /** A feed that is as a layer has it is not read again. */
  unchangedStays?: boolean;
}

/**
 * Imports an artifact: a bundle of another server, trivy-db as it is published, or a file that somebody pushed. A layer is
 * imported once its bytes are known to be what its digest says. One that is older than what is known of its feed is not, unless it is
 * forced. Resolves with what came of those that were read.
 */
export async function importArtifact(
  context: ImportContext,
  artifact: Artifact,
  options: ArtifactOptions,
): Promise<FeedOutcome[]> {
  const { unchangedStays = false } = options;
  const layers = artifact.layers.filter(isContent);
  if (layers.length === 0) throw importRefused(`${artifact.name} holds no advisories`);
  if (layers.length > mostLayers) throw importRefused(`${artifact.name} has more than ${mostLayers} layers`);
  const feeds: FeedOutcome[] = [];
  for (const layer of layers) {
    const now = context.now();
    const at = timeOf(layer, now);
    const feed = layer.annotations[layerKeys.feed];
    const state = feed === undefined ? undefined : await findFeed(context.db, feed);
    if (unchangedStays && state?.etag === layer.digest) {
      // It still is what its source has.
      if (at !== undefined) await confirmFeed(context.db, state.id, { at, now });
      continue;
    }
    if (state && at !== undefined && at < Math.min(state.okAt ?? 0, now) && !context.force) {
      feeds.push(olderThanKnown(state.id, at, state.okAt!));
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
        digest: layer.digest,
        origin: originOf(artifact, layer),
        ...ecosystemOf(layer, options),
      })),
    );
  }
  return feeds;
}

function olderThanKnown(feed: string, at: number, okAt: number): FeedOutcome {
  const time = (ms: number) => new Date(ms).toISOString();
  const reason = `${feed} was left as it is: the artifact has it of ${time(at)}, and it was up to date at ${time(okAt)}; sync it with --force if the older is right`;
  const none = { records: 0, added: 0, changed: 0, removed: 0, refused: 0, components: 0 };
  return { feed, ...none, unchanged: true, reasons: [reason] };
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

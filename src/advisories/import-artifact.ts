import type { Artifact, ArtifactLayer } from './artifact.ts';
import { bundleArtifactType, bundleLayerType, layerKeys } from './bundle.ts';
import { confirmFeed, findFeed, isLayerKnown } from './feed-rows.ts';
import { spool } from './formats/spool.ts';
import { leewayMs } from './freshness.ts';
import type { ImportContext } from './import-context.ts';
import { createRefusals, importRefused } from './import-error.ts';
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
 * forced; one that is refused keeps no other from coming. Resolves with what came of those that were read. Throws AdvisoryImportError
 * at the end where some were refused.
 */
export async function importArtifact(
  context: ImportContext,
  artifact: Artifact,
  options: ArtifactOptions,
): Promise<FeedOutcome[]> {
  const layers = artifact.layers.filter(isContent);
  if (layers.length === 0) throw importRefused(`${artifact.name} holds no advisories`);
  if (layers.length > mostLayers) throw importRefused(`${artifact.name} has more than ${mostLayers} layers`);
  const feeds: FeedOutcome[] = [];
  const refusals = createRefusals();
  for (const layer of layers) {
    try {
      feeds.push(...(await importOne(context, artifact, layer, options)));
    } catch (error) {
      refusals.add(layer.annotations[layerKeys.feed]?.slice(0, 200) ?? layer.digest, error);
      await context.rest();
    }
  }
  refusals.tell(layers.length);
  return feeds;
}

/** One layer. */
async function importOne(
  context: ImportContext,
  artifact: Artifact,
  layer: ArtifactLayer,
  options: ArtifactOptions,
): Promise<FeedOutcome[]> {
  const now = context.now();
  const at = timeOf(layer, now);
  const feed = layer.annotations[layerKeys.feed];
  const state = feed === undefined ? undefined : await findFeed(context.db, feed);
  if (options.unchangedStays && state?.etag === layer.digest) {
    // It still is what its source has.
    if (at !== undefined) await confirmFeed(context.db, state.id, { at, now });
    return [];
  }
  // One that does not say of which feed it is, such as a file that somebody pushed.
  if (options.unchangedStays && feed === undefined && (await isLayerKnown(context.db, layer.digest))) return [];
  if (state?.okAt !== undefined && at !== undefined && isOlder(at, state.okAt, now) && !context.force)
    return [olderThanKnown(state.id, at, state.okAt)];
  if (layer.size > context.maxBytes)
    throw importRefused(`a layer of ${artifact.name} has ${layer.size} bytes, more than advisories.maxDownload allows`);
  await using file = await spool(layer.read(), context.maxBytes);
  return await importFile(context, file, {
    ...options,
    at,
    digest: layer.digest,
    origin: originOf(artifact, layer),
    ...ecosystemOf(layer, options),
  });
}

/** A time to come was written by a clock that was wrong: nothing is older than that. */
const isOlder = (at: number, okAt: number, now: number) => at < Math.min(okAt, now) && okAt <= now + leewayMs;

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

import type { ScanEvidence } from '../admission/index.ts';
import { registerComponents } from '../advisories/index.ts';
import { contentOf } from '../catalog/index.ts';
import { findBlob } from '../content/index.ts';
import type { Database } from '../database/index.ts';
import { extractorRevision, type ImageInventory, createImageMerge } from '../inventory/index.ts';
import type { Digest } from '../oci/index.ts';
import { isAttestation, type ScannableImage, scannable } from './classify.ts';
import { evaluateImage } from './evaluate-images.ts';
import type { Knowledge } from './knowledge.ts';
import { forgetImage, type InventoryStatus, readingOf, readInventory, type StoredInventory } from './image-store.ts';
import { canBeHad, readOnceMore, inventoryOf, type LayerSource } from './layers.ts';
import type { TakenScan } from './queue.ts';
import { tellAdmission } from './tell-admission.ts';
import { inTurns, turn } from './turn.ts';
import { writeInventory } from './write-inventory.ts';

/** Largest config that is read for its times (bytes). */
const mostConfigBytes = 1024 * 1024;

/** Components that are looked up before others have a turn. */
const registeredTogether = 1000;

export type ScanOutcome = 'scanned' | 'nothing to scan' | 'gone';

/**
 * Scans an image: what its layers have, where that is not known yet, and what advisories say of it. Throws where it cannot be
 * done now; whatever is wrong with the image is in what it finds.
 */
export async function scanImage(
  source: LayerSource,
  { id, digest, reason, attempts }: Pick<TakenScan, 'id' | 'digest' | 'reason' | 'attempts'>,
  knowledge: () => Promise<Knowledge>,
  signal: AbortSignal,
): Promise<ScanOutcome> {
  const { db } = source;
  const content = await contentOf(db, digest);
  const image = content && scannable(content);
  if (!image || isAttestation(image)) {
    // The scan of what there is stays, so that nobody asks for it again.
    if (content) {
      await tellAdmission(db, digest, nothingIn('unsupported', source.now()));
      return 'nothing to scan';
    }
    await db.write((tx) => forgetImage(tx, id));
    return 'gone';
  }
  const isAnew = reason === 'asked' && attempts === 1 && (await readOnceMore(db, image.layers));
  if (isAnew || (await isToBeRead(db, id))) {
    await writeInventory(db, id, await takeInventory(source, image, signal));
  }
  // After its components are registered: what was published meanwhile is known.
  return (await evaluateImage(source, { scanId: id, digest }, await knowledge())) ? 'scanned' : 'gone';
}

/**
 * Whether there is more to be known of an image than was read of it. Where somebody asked for a layer to be read anew, that ends when
 * it was, however often the scan is broken off; and what was read of it then is for all images that have it.
 */
async function isToBeRead(db: Database, scanId: number): Promise<boolean> {
  const known = await readingOf(db, scanId);
  if (known?.revision !== extractorRevision) return true;
  if (known.status !== 'partial') return false;
  const { warnings = [] } = (await readInventory(db, scanId))?.inventory ?? {};
  return canBeHad(
    db,
    warnings.flatMap(({ code, layer }) => (code === 'no-inventory' && layer !== undefined ? [layer] : [])),
  );
}

/** What is said of something of which nothing is known. */
export function nothingIn(status: 'unsupported' | 'failed', now: number): ScanEvidence {
  return { kind: 'scan', status, scannedAt: now, advisoryRevision: 0, advisoriesAt: now, findings: [] };
}

async function takeInventory(
  source: LayerSource,
  image: ScannableImage,
  signal: AbortSignal,
): Promise<StoredInventory> {
  const merge = createImageMerge();
  // One after the other: the processor is for those who pull and push, and there may be thousands.
  for (const layer of image.layers) {
    await inTurns(merge.add({ digest: layer.digest, inventory: await inventoryOf(source, layer, signal) }), signal);
    await turn();
    signal.throwIfAborted();
  }
  const inventory = await inTurns(merge.inventory(), signal);
  const matched = inventory.components.map((component) => (component.ecosystem === '' ? null : component));
  const named = matched.filter((component) => component !== null);
  const ids: number[] = [];
  for (let from = 0; from < named.length; from += registeredTogether) {
    ids.push(...(await registerComponents(source.db, named.slice(from, from + registeredTogether))));
    await turn();
    signal.throwIfAborted();
  }
  let at = 0;
  return {
    inventory,
    componentIds: matched.map((component) => (component === null ? null : ids[at++]!)),
    baseCreatedAt: image.config && (await baseCreation(source, image.config)),
    status: statusOf(inventory),
    revision: extractorRevision,
    scannedAt: source.now(),
  };
}

/** Nothing in it that anything is known about: neither a distribution nor a package. */
function statusOf({ partial, components, os }: ImageInventory): InventoryStatus {
  if (partial) return 'partial';
  return components.length === 0 && os === undefined ? 'unsupported' : 'complete';
}

/** When the lowest layer was made (ms), by the history of the config; undefined where that says nothing, or what cannot be. */
async function baseCreation({ db, blobs, now }: LayerSource, config: Digest): Promise<number | undefined> {
  const blob = await findBlob(db, config);
  if (!blob || blob.size === 0 || blob.size > mostConfigBytes) return undefined;
  try {
    const json = (await new Response(await blobs.read(blob.key, 0, blob.size - 1)).json()) as {
      created?: unknown;
      history?: { created?: unknown; empty_layer?: unknown }[];
    };
    const lowest = Array.isArray(json.history) ? json.history.find((entry) => entry?.empty_layer !== true) : undefined;
    const at = Date.parse(String(lowest?.created ?? json.created));
    // Reproducible builds say 1970: that is no time.
    return Number.isFinite(at) && at > Date.UTC(2013, 0) && at <= now() ? at : undefined;
  } catch {
    return undefined;
  }
}

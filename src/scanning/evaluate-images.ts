import { type KeptEvidence, keepEvidence, packEvidence } from '../admission/index.ts';
import { registriesOf } from '../catalog/index.ts';
import { type Database, packJson } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { saidAbout } from './engines/engine-store.ts';
import { evaluate, evidenceOf, type StoredImage } from './evaluate-image.ts';
import { packedFindings } from './findings-store.ts';
import { type EvaluatedImage, keepFindings } from './keep-findings.ts';
import type { Knowledge } from './knowledge.ts';
import { matchedInventories } from './matched-packages.ts';
import { keptFindings } from './seen-findings.ts';
import { turn } from './turn.ts';

/** How often an image is begun anew because something else was faster. */
const mostTries = 5;

/** Images that are evaluated together share their statements and one transaction, for which others who write wait. */
export const evaluatedTogether = 8;

interface Context {
  db: Database;
  now: () => number;
}

export interface Evaluated {
  scanId: number;
  digest: Digest;
}

/**
 * Says of images what is known against their packages now: keeps their findings and what changed of them, and hands them to
 * admission as evidence, in each registry that has them, in the same transaction. Whatever else evaluates an image at the same
 * time, the last word of both is that of the newest knowledge. Asked again with the same knowledge it changes no finding. Resolves
 * with the scans that it has a word on: not with those that were never read, or are gone. At most `evaluatedTogether` images.
 */
export async function evaluateImages(
  { db, now }: Context,
  images: readonly Evaluated[],
  knowledge: Knowledge,
): Promise<Set<number>> {
  const done = new Set<number>();
  // In the order in which their rows are locked.
  let waiting = images.toSorted((a, b) => a.scanId - b.scanId);
  for (let tries = 0; waiting.length > 0; tries++) {
    if (tries === mostTries) throw new Error('the image was evaluated by others at the same time, again and again');
    const evaluated = await evaluateAll({ db, now }, waiting, knowledge, tries > 0);
    if (evaluated.length === 0) break;
    const kept = await db.write(async (tx) => {
      const held = await keepFindings(tx, evaluated);
      keepEvidence(
        tx,
        evaluated.filter(({ scanId }) => held.has(scanId)).flatMap(({ evidence }) => evidence),
        now(),
      );
      return held;
    });
    for (const id of kept) done.add(id);
    waiting = waiting.filter(({ scanId }) => !kept.has(scanId));
  }
  return done;
}

/** One image. False where it was never read, or is gone. */
export async function evaluateImage(context: Context, image: Evaluated, knowledge: Knowledge): Promise<boolean> {
  return (await evaluateImages(context, [image], knowledge)).has(image.scanId);
}

/** What is to be kept of each image of which an inventory is there. */
async function evaluateAll(
  { db, now }: Context,
  images: readonly Evaluated[],
  knowledge: Knowledge,
  isRepeated: boolean,
): Promise<(EvaluatedImage & { evidence: KeptEvidence[] })[]> {
  const ids = images.map(({ scanId }) => scanId);
  const digests = images.map(({ digest }) => digest);
  const [inventories, before, said, registries] = await Promise.all([
    matchedInventories(db, ids),
    keptFindings(db, ids),
    saidAbout(db, ids),
    registriesOf(db, digests),
  ]);
  const components = [...inventories.values()].flatMap(({ packages }) => packages);
  const known = await knowledge.of(components.map(({ componentId }) => componentId));
  const evaluated = [];
  for (const { scanId, digest } of images) {
    const stored = inventories.get(scanId);
    if (!stored) continue;
    // What takes long is done here, so that nobody waits for it in the transaction.
    const image = { scanId, stored, before: before.get(scanId), said: said.get(scanId)! };
    const good = isAsGood(image, knowledge, isRepeated) ? image.before : undefined;
    const found = good ? undefined : await evaluate(db, image, known, knowledge, now());
    const findings = found ? packJson(found.findings) : await packedFindings(db, scanId);
    const evidence = packEvidence(evidenceOf(stored, found ?? good!, knowledge), findings);
    evaluated.push({
      scanId,
      scannedAt: stored.scannedAt,
      before: image.before,
      written: found && { ...found, packed: findings },
      evidence: [...(registries.get(digest) ?? [])].map((registryId) => ({ registryId, digest, evidence })),
    });
    await turn();
  }
  return evaluated;
}

/** Whether what is kept of an image needs no other word. */
function isAsGood({ stored, before, said }: StoredImage, { revision }: Knowledge, isRepeated: boolean): boolean {
  if (!before || before.scannedAt !== stored.scannedAt) return false;
  // What somebody else has found meanwhile with the same knowledge is as good.
  const isNewer = before.advisoryRevision >= revision + (isRepeated ? 0 : 1);
  // What an engine has said since is for whoever has kept it, and comes with the newest knowledge.
  const isWhole = before.engines === said.mark || before.advisoryRevision > revision;
  return isNewer && isWhole;
}

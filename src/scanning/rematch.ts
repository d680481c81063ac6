import { changedComponents } from '../advisories/index.ts';
import { type Database, listsOf } from '../database/index.ts';
import { type Evaluated, evaluatedTogether, evaluateImages } from './evaluate-images.ts';
import type { Knowledge } from './knowledge.ts';
import { requestScan } from './queue.ts';
import './tables.ts';

/** Components whose images are looked for at once: an update that changes more is done in rounds. */
const mostComponents = 50_000;
/** Images of a round. */
const mostImages = 200;

/**
 * Evaluates anew what an update of the advisories changed, without touching a layer: the images that have a component against
 * which something else is known than before. A crash repeats a round, no more. Resolves with how many, and whether there is more.
 */
export async function reevaluate(
  context: { db: Database; now: () => number },
  knowledge: () => Promise<Knowledge>,
  state: RematchState,
): Promise<{ images: number; more: boolean }> {
  const { db } = context;
  if (state.waiting.length === 0) {
    const since = await evaluatedRevision(db);
    const { componentIds, revision } = await changedComponents(db, since, mostComponents);
    if (componentIds.length === 0) {
      if (revision > since) await keepRevision(db, revision);
      return { images: 0, more: false };
    }
    state.revision = revision;
    state.knowledge = await knowledge();
    state.waiting = await scansOf(db, componentIds);
  }
  const round = await imagesOf(db, state.waiting.slice(0, mostImages));
  for (let at = 0; at < round.length; at += evaluatedTogether)
    await evaluateEach(context, round.slice(at, at + evaluatedTogether), state.knowledge!);
  // Only now: a round in which something fails is done again.
  state.waiting.splice(0, mostImages);
  if (state.waiting.length > 0) return { images: round.length, more: true };
  await keepRevision(db, state.revision);
  state.knowledge = undefined;
  return { images: round.length, more: true };
}

/** One that cannot be evaluated is left to the queue of scans, which tries it again and says so: it holds up no other. */
async function evaluateEach(
  context: { db: Database; now: () => number },
  images: readonly Evaluated[],
  knowledge: Knowledge,
): Promise<void> {
  try {
    await evaluateImages(context, images, knowledge);
  } catch {
    for (const image of images) {
      try {
        await evaluateImages(context, [image], knowledge);
      } catch {
        // Where it is the database that fails, this does, too.
        await requestScan(context.db, image.digest, 'schedule', context.now());
      }
    }
  }
}

/** What one process is in the middle of. */
export interface RematchState {
  /** Ids of scans. */
  waiting: number[];
  revision: number;
  knowledge: Knowledge | undefined;
}

export const newRematchState = (): RematchState => ({ waiting: [], revision: 0, knowledge: undefined });

async function scansOf(db: Database, componentIds: readonly number[]): Promise<number[]> {
  const scans = new Set<number>();
  for (const { list, values } of listsOf(componentIds)) {
    const rows = await db.all<{ id: number }>(
      `SELECT DISTINCT scan_id AS id FROM image_components WHERE component_id IN (${list})`,
      values,
    );
    for (const { id } of rows) scans.add(id);
  }
  return [...scans].toSorted((a, b) => a - b);
}

async function imagesOf(db: Database, scans: readonly number[]): Promise<Evaluated[]> {
  const found = listsOf(scans).map(({ list, values }) =>
    db.all<Evaluated>(`SELECT id AS "scanId", digest FROM scans WHERE id IN (${list})`, values),
  );
  return (await Promise.all(found)).flat();
}

async function evaluatedRevision(db: Database): Promise<number> {
  const row = await db.first<{ revision: number }>('SELECT revision FROM evaluated_advisories WHERE id = 1', []);
  return row?.revision ?? 0;
}

async function keepRevision(db: Database, revision: number): Promise<void> {
  await db.change(
    `INSERT INTO evaluated_advisories (id, revision) VALUES (1, ?)
      ON CONFLICT (id) DO UPDATE SET revision = excluded.revision WHERE evaluated_advisories.revision < excluded.revision
      RETURNING id`,
    [revision],
  );
}

import type { Catalog } from './context.ts';
import { sliceOf, takeSlice } from './storage-budgets.ts';
import { keyOf, type Level } from './storage-levels.ts';
import type { Share, Slice, StorageLimiter } from './storage-limiter.ts';

/*
 * What a process has of budgets (storage-budgets.ts). A push spends from a slice in memory, and its transaction asks whether
 * the budget is still the one that the slice is of. When half of a slice is spent, the next one is asked for beside the
 * pushes.
 */

/** Slices that are asked for at once; each takes a connection. */
const mostAsking = 4;
/** After one that could not be had (ms). */
const pauseMs = 500;
/** How often one of a repository has to be wanted: most get an image now and then, which wants one three times a blob. */
const worthOne = 12;

/** Takes bytes from the slice of a limit. Undefined where there is none, or none that is large enough. */
export function spend(catalog: Catalog, level: Level, bytes: number): Slice | undefined {
  const slice = shareOf(catalog.storageLimiter!, level)?.slice;
  if (!slice || slice.left < slice.size / 2) askForSlice(catalog, level);
  if (!slice || slice.left < bytes) return undefined;
  slice.left -= bytes;
  return slice;
}

/** Whether this process may charge the budget of a limit, because all that it has pushed is in use or in that budget. */
export function isKnown(catalog: Catalog, level: Level): boolean {
  return shareOf(catalog.storageLimiter!, level)?.isKnown ?? false;
}

/** The budget is another one. */
export function dropSlice(catalog: Catalog, level: Level, slice: Slice): void {
  const share = catalog.storageLimiter!.shares.get(keyOf(level));
  if (share?.slice === slice) share.slice = undefined;
}

/** Has a slice taken, which pushes need not wait for. */
export function askForSlice(catalog: Catalog, level: Level): void {
  const limiter = catalog.storageLimiter!;
  const key = keyOf(level);
  if (sliceOf(level.limit - (limiter.seen.get(key)?.used ?? 0)) === 0) return;
  let share = shareOf(limiter, level);
  if (!share) {
    share = { limit: level.limit, isKnown: false, slice: undefined, asking: undefined, notBefore: 0, pushes: 0 };
    limiter.shares.set(key, share);
  }
  share.pushes++;
  if (level.level === 'repository' && share.pushes < worthOne) return;
  if (share.asking || limiter.asking >= mostAsking || performance.now() < share.notBefore) return;
  limiter.asking++;
  share.asking = takeInto(catalog, level, share);
}

/** For who is about to push: waits for slices that are being asked for, so that not all who begin at once are counted. */
export function slicesFor(catalog: Catalog, levels: readonly Level[]): Promise<unknown> | undefined {
  const asked: Promise<void>[] = [];
  for (const level of levels) {
    if (shareOf(catalog.storageLimiter!, level)?.slice) continue;
    askForSlice(catalog, level);
    const asking = shareOf(catalog.storageLimiter!, level)?.asking;
    if (asking) asked.push(asking);
  }
  return asked.length === 0 ? undefined : Promise.all(asked);
}

async function takeInto(catalog: Catalog, level: Level, share: Share): Promise<void> {
  try {
    const taken = await takeSlice(catalog, level, share.isKnown);
    if (taken) add(share, taken);
    else share.notBefore = performance.now() + pauseMs;
  } catch {
    // Pushes go on one at a time, and say themselves what is wrong with the database.
    share.notBefore = performance.now() + pauseMs;
  } finally {
    share.asking = undefined;
    catalog.storageLimiter!.asking--;
  }
}

function add(share: Share, taken: Slice): void {
  const { slice } = share;
  share.isKnown = true;
  if (slice?.epoch !== taken.epoch || slice.repositoryId !== taken.repositoryId) share.slice = taken;
  else Object.assign(slice, { size: taken.size, left: slice.left + taken.left });
}

/** As long as the limit is the same: what was taken of another one is no good. */
function shareOf(limiter: StorageLimiter, level: Level): Share | undefined {
  const share = limiter.shares.get(keyOf(level));
  return share?.limit === level.limit ? share : undefined;
}

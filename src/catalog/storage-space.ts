import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import { shareRepository } from './hold-repository.ts';
import { type Place, placeText, readRepository, repositoryAt, type RepositoryRow } from './repositories.ts';
import { chargeBudget, endBudget } from './storage-budgets.ts';
import { type Level, levelsOf, remember, usedAt } from './storage-levels.ts';
import type { LimitLevel, Slice } from './storage-limiter.ts';
import { refusal } from './storage-limits.ts';
import { lockOf } from './storage-locks.ts';
import { askForSlice, dropSlice, isKnown, spend } from './storage-slices.ts';
import './tables.ts';

/*
 * How a limit is exact although pushes do not wait for each other. What a push may add
 *
 *   comes from a slice of this process   lock of the limit shared   any number at a time, and no statement more
 *   or is charged to the budget          alone                      after all others have ended
 *   or is counted: all that is there     alone                      the same; and ends the budget with all its slices
 *
 * A slice is good as long as the budget has the same epoch, which is read behind the lock, with the row of the repository.
 * Whoever counts has waited for all who had read that, and those who come later read another epoch and begin anew: so what
 * is counted is all there is, and nothing is refused because another process holds a slice. Near the limit there are no
 * slices, and every push is counted.
 *
 * Limits that are lowered need nothing else: slices and budgets of another limit are not used, so the next push counts.
 *
 * SQLite has one writer, and needs no locks. On PostgreSQL they come before those of rows, so that nobody who has one of
 * them waits for somebody who waits for it.
 */

/** A limit that a push is under, and where what it adds comes from; without a slice it is counted. */
interface Claim {
  level: Level;
  slice: Slice | undefined;
}

/**
 * Runs what adds up to `bytes` to a repository, so that no limit is passed, whoever else pushes at the same time. Only what
 * is new counts: a blob that is there already costs nothing. To be called before the transaction locks any row; `change`
 * is handed the row of the repository. Throws DENIED where there is no room.
 */
export async function withinLimits<T>(
  catalog: Catalog,
  tx: Transaction,
  { registryId, name, bytes }: { registryId: number; name: string; bytes: number },
  change: (found: Promise<RepositoryRow | undefined>) => Promise<T>,
): Promise<T> {
  const levels = levelsOf(catalog, registryId, name);
  if (levels.length === 0) return change(readRepository(catalog, tx, registryId, name));
  const claims = levels.map((level): Claim => ({ level, slice: spend(catalog, level, bytes) }));
  try {
    return await changeWithin(catalog, tx, claims, bytes, change);
  } catch (error) {
    // The transaction is undone.
    for (const { slice } of claims) if (slice) slice.left += bytes;
    throw error;
  }
}

async function changeWithin<T>(
  catalog: Catalog,
  tx: Transaction,
  claims: readonly Claim[],
  bytes: number,
  change: (found: Promise<RepositoryRow | undefined>) => Promise<T>,
): Promise<T> {
  const reading = readBehindLocks(catalog, tx, claims);
  // Nobody comes in between on SQLite, so what has no slice any more is counted.
  if (catalog.db.dialect === 'sqlite')
    for (const claim of endedOf(catalog, claims, await reading)) claim.slice = undefined;
  const counted = claims.flatMap(({ level, slice }) => (slice ? [] : [level]));
  // Together, so that what comes before the change costs no round trip.
  const [place, before, changed] = await Promise.allSettled([
    reading,
    counted.length === 0 ? [] : usedAt(catalog, tx, counted),
    change(reading.then(repositoryAt)),
  ]);
  // All have ended before the transaction does.
  if (place.status === 'rejected') throw place.reason;
  if (before.status === 'rejected') throw before.reason;
  if (changed.status === 'rejected') throw changed.reason;
  const ended = endedOf(catalog, claims, place.value);
  if (ended.length > 0) {
    for (const { level } of ended) askForSlice(catalog, level);
    throw new BeginsAnew();
  }
  if (counted.length > 0) await charge(catalog, tx, counted, before.value, bytes);
  return changed.value;
}

/** With the epochs of the budgets of which there are slices. */
type LimitedPlace = Place & { [level in LimitLevel as `${level}_epoch`]?: number | null };

const epochOf = (level: LimitLevel) =>
  `, (SELECT b.epoch FROM storage_budgets b WHERE b.registry_id = g.id
    AND b.repository_id = ${level === 'registry' ? '0' : 'r.id'}) AS ${level}_epoch`;
const [ofRegistry, ofRepository] = [epochOf('registry'), epochOf('repository')];
/** Made once, by whether there is a slice of the registry, and one of the repository. */
const placeTexts = [placeText(), placeText(ofRegistry), placeText(ofRepository), placeText(ofRegistry + ofRepository)];

function readBehindLocks(
  catalog: Catalog,
  tx: Transaction,
  claims: readonly Claim[],
): Promise<LimitedPlace | undefined> {
  const { registryId, name } = claims[0]!.level;
  const locks = claims.map(({ level, slice }) => lockOf(level, slice === undefined));
  shareRepository(catalog, tx, registryId, name, locks);
  const slices = claims.reduce((sum, { level, slice }) => sum + (!slice ? 0 : level.level === 'registry' ? 1 : 2), 0);
  return tx.first<LimitedPlace>(placeTexts[slices]!, [name, registryId]);
}

/** Those whose slices are no longer good. */
function endedOf(catalog: Catalog, claims: readonly Claim[], place: LimitedPlace | undefined): Claim[] {
  return claims.filter(({ level, slice }) => {
    if (!slice) return false;
    const id = level.level === 'registry' ? 0 : place?.id;
    if (place?.[`${level.level}_epoch`] === slice.epoch && id === slice.repositoryId) return false;
    dropSlice(catalog, level, slice);
    return true;
  });
}

/** Takes what was added from budgets, or looks whether it fits where they do not cover it. Has these limits alone. */
async function charge(
  catalog: Catalog,
  tx: Transaction,
  levels: readonly Level[],
  before: readonly number[],
  bytes: number,
): Promise<void> {
  // Behind the change: a budget is locked after its repository, with which it goes.
  const covered = await Promise.all(
    levels.map(async (level) => isKnown(catalog, level) && (await chargeBudget(tx, level, bytes))),
  );
  const uncovered = levels.flatMap((level, at) => (covered[at] ? [] : [{ level, before: before[at]! }]));
  if (uncovered.length > 0) {
    const used = await usedAt(
      catalog,
      tx,
      uncovered.map(({ level }) => level),
    );
    for (const [at, { level, before: had }] of uncovered.entries()) {
      const after = used[at]!;
      if (after > level.limit && after > had) throw refusal(level, had, after - had);
      endBudget(tx, level);
    }
  }
  remember(
    catalog,
    levels,
    before.map((had) => had + bytes),
  );
}

/** Has the database repeat a transaction (Database.write): by its code it is a failure to serialise. */
class BeginsAnew extends Error {
  readonly code = '40001';
  constructor() {
    super('the budget of a storage limit has ended; the push begins anew');
  }
}

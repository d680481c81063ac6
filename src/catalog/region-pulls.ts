import { listsOf, type Parameter, rowsOf } from '../database/index.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

const dayMs = 86_400_000;
/** Days of which is kept how often each region pulled. */
const keptDays = 30;

/** The day (since 1970, UTC) of a time (ms). */
export const dayOf = (at: number): number => Math.floor(at / dayMs);

export interface RegionPulls {
  registryId: number;
  region: string;
  day: number;
  pulls: number;
}

/** Adds to what is known of each day, and forgets some of what is too old: at each write there is more of that than comes. */
export async function addRegionPulls({ db, now }: Catalog, all: readonly RegionPulls[]): Promise<void> {
  const sorted = all.toSorted(
    (one, other) => one.day - other.day || one.registryId - other.registryId || (one.region < other.region ? -1 : 1),
  );
  for (const { rows, values } of rowsOf<Parameter>(
    sorted.map(({ day, registryId, region, pulls }) => [day, registryId, region, pulls]),
  )) {
    await db.change(
      `INSERT INTO region_pulls (day, registry_id, region, pulls) VALUES ${rows}
        ON CONFLICT (day, registry_id, region) DO UPDATE SET pulls = region_pulls.pulls + excluded.pulls RETURNING day`,
      values,
      { durable: false },
    );
  }
  await db.change(
    `DELETE FROM region_pulls WHERE (day, registry_id, region) IN (SELECT day, registry_id, region FROM region_pulls
      WHERE day < ? ORDER BY day, registry_id, region LIMIT 20) RETURNING day`,
    [dayOf(now()) - keptDays],
    { durable: false },
  );
}

/** How often a registry was pulled from, by region, on the last `count` days up to `last`; the most first. */
export async function regionPullsOf(
  { db }: Catalog,
  registryId: number,
  { last, count }: { last: number; count: number },
): Promise<{ region: string; pulls: number }[]> {
  const days = Array.from({ length: count }, (_, before) => last - before);
  const sums = new Map<string, number>();
  for (const { list, values } of listsOf(days)) {
    const rows = await db.all<{ region: string; pulls: number }>(
      `SELECT region, pulls FROM region_pulls WHERE day IN (${list}) AND registry_id = ?`,
      [...values, registryId],
    );
    for (const { region, pulls } of rows) sums.set(region, (sums.get(region) ?? 0) + pulls);
  }
  return [...sums]
    .map(([region, pulls]) => ({ region, pulls }))
    .toSorted((one, other) => other.pulls - one.pulls || (one.region < other.region ? -1 : 1));
}

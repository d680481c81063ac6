import { bit, isHeld, type Lockable } from './attributes.ts';

/** Whether a list shows it. */
export function isShown(row: Lockable, now: number): boolean {
  return !isHeld(row, bit.listEnabled, now);
}

/**
 * Rows of a list without those that are hidden: reads on after the last row of each page until it has `limit`, so that
 * others are served meanwhile however many are hidden.
 */
export async function readShown<R extends Lockable>(
  now: number,
  limit: number,
  read: (last: R | undefined) => Promise<R[]>,
): Promise<R[]> {
  const first = await read(undefined);
  if (first.every(({ attributes }) => (attributes & bit.listEnabled) === 0)) return first;
  const shown: R[] = [];
  for (let rows = first; ;) {
    for (const row of rows) if (isShown(row, now) && shown.push(row) === limit) return shown;
    if (rows.length < limit) return shown;
    await new Promise(setImmediate);
    rows = await read(rows.at(-1));
  }
}

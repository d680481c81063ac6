/**
 * What an image may be said to have at most (bytes). How large layers are that clients fetch from elsewhere its manifest says,
 * and nobody has looked: together they may come to more than a number holds, or an integer of either database.
 */
const most = Number.MAX_SAFE_INTEGER;

/** Bytes of an image of blobs of these sizes. */
export function imageSizeOf(blobs: readonly { size: number }[]): number {
  return Math.min(
    most,
    blobs.reduce((sum, { size }) => sum + size, 0),
  );
}

/** The same in SQL, of a column of many rows; NULL where there are none. Up to there doubles are exact. */
export function imageSizeText(column: string): string {
  const sum = `SUM(CAST(${column} AS DOUBLE PRECISION))`;
  return `CAST(CASE WHEN ${sum} >= ${most} THEN ${most} ELSE ${sum} END AS BIGINT)`;
}

/** A size that was stored, where an older version may have summed it up without an end. */
export const storedSizeText = (column: string): string =>
  `CASE WHEN ${column} >= ${most} THEN ${most} ELSE ${column} END`;

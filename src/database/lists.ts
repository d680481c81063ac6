/** Most values of one list, and most rows of one insert: a statement has a text, and a plan, for each length. */
const mostValues = 512;
const mostRows = 64;

/** `?, ?, ?` for so many values. */
export function placeholders(count: number): string {
  return repeated('?', count).join(', ');
}

/**
 * The parts of a list for `IN (…)`. Each is filled up to a power of two with its last value, which changes nothing, so
 * that there are few texts.
 */
export function listsOf<T>(values: readonly T[]): { list: string; values: T[] }[] {
  return chunksOf(values, mostValues).map((some) => {
    const length = 2 ** Math.ceil(Math.log2(some.length));
    return { list: placeholders(length), values: [...some, ...repeated(some.at(-1)!, length - some.length)] };
  });
}

/** The parts of many rows for `VALUES …`, `(?, ?), (?, ?)` where each has two columns. */
export function rowsOf<T>(rows: readonly (readonly T[])[]): { rows: string; values: T[] }[] {
  return chunksOf(rows, mostRows).map((some) => {
    const row = `(${placeholders(some[0]!.length)})`;
    return { rows: repeated(row, some.length).join(', '), values: some.flatMap((one) => one) };
  });
}

function repeated<T>(value: T, count: number): T[] {
  return Array.from({ length: count }, () => value);
}

function chunksOf<T>(all: readonly T[], most: number): (readonly T[])[] {
  if (all.length <= most) return all.length === 0 ? [] : [all];
  const chunks: T[][] = [];
  for (let at = 0; at < all.length; at += most) chunks.push(all.slice(at, at + most));
  return chunks;
}

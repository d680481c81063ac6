import type { Finding } from '../content/index.ts';
import type { Parameter } from '../database/index.ts';
import type { Catalog } from './context.ts';

/** The pages of a statement that takes the place after which one begins as its parameters. */
export async function* pagesOf<T>(
  { db }: Catalog,
  statement: string,
  start: readonly Parameter[],
  placeOf: (last: T) => readonly Parameter[],
  size = 500,
): AsyncGenerator<T[]> {
  for (let after = start; ;) {
    const rows = await db.all<T>(statement, after);
    if (rows.length > 0) yield rows;
    if (rows.length < size) return;
    after = placeOf(rows.at(-1)!);
  }
}

/** The same, row by row. */
export async function* rowsOfPages<T>(...pages: Parameters<typeof pagesOf<T>>): AsyncGenerator<T> {
  for await (const rows of pagesOf(...pages)) yield* rows;
}

export function finding(code: string, message: string, detail: Finding['detail'], repaired: boolean): Finding {
  return { code, message, detail, repaired };
}

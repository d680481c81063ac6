import type { Finding } from '../content/index.ts';
import type { Parameter } from '../database/index.ts';
import type { Catalog } from './context.ts';

/** The rows of a statement that takes the place after which a page begins as its parameters. */
export async function* pagesOf<T>(
  { db }: Catalog,
  statement: string,
  start: readonly Parameter[],
  placeOf: (last: T) => readonly Parameter[],
  size = 500,
): AsyncGenerator<T> {
  for (let after = start; ;) {
    const rows = await db.all<T>(statement, after);
    yield* rows;
    if (rows.length < size) return;
    after = placeOf(rows.at(-1)!);
  }
}

export function finding(code: string, message: string, detail: Finding['detail'], repaired: boolean): Finding {
  return { code, message, detail, repaired };
}

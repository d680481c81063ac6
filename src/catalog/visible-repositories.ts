import type { Catalog } from './context.ts';
import { readRepositories } from './repositories.ts';
import { isShown, readShown } from './shown.ts';

/** Which repositories of a registry somebody may know of. */
export interface Viewer {
  maySee(repository: string): boolean;
  /** Whether it may know of all of them, so that nothing need be asked one by one. */
  readonly seesAll: boolean;
}

/** Names that are read at once for a viewer who may not see all of them. */
const batch = 1000;

/**
 * Names of repositories that are listed and that somebody may know of, after `last`. Who sees few of many makes us read past the others: where
 * it stopped would be the name of one, so a page ends only when it is full.
 */
export async function listVisibleRepositories(
  catalog: Catalog,
  registryId: number,
  { maySee, seesAll }: Viewer,
  { last, limit }: { last: string; limit: number },
): Promise<string[]> {
  const now = catalog.now();
  if (seesAll) {
    const rows = await readShown<{ name: string; attributes: number; locked_until: number }>(now, limit, (row) =>
      readRepositories(catalog, registryId, row?.name ?? last, limit),
    );
    return rows.map(({ name }) => name);
  }
  const seen: string[] = [];
  for (let after = last; ;) {
    const rows = await readRepositories(catalog, registryId, after, batch);
    for (const row of rows) if (maySee(row.name) && isShown(row, now) && seen.push(row.name) === limit) return seen;
    if (rows.length < batch) return seen;
    after = rows.at(-1)!.name;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

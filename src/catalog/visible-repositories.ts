import type { Catalog } from './context.ts';
import { listRepositories } from './repositories.ts';

/** Which repositories of a registry somebody may know of. */
export interface Viewer {
  maySee(repository: string): boolean;
  /** Whether it may know of all of them, so that nothing need be asked one by one. */
  readonly seesAll: boolean;
}

/** Names that are read at once for a viewer who may not see all of them. */
const batch = 1000;

/**
 * Names of repositories that somebody may know of, after `last`. Who sees few of many makes us read past the others: where
 * it stopped would be the name of one, so a page ends only when it is full.
 */
export async function listVisibleRepositories(
  catalog: Catalog,
  registryId: number,
  { maySee, seesAll }: Viewer,
  { last, limit }: { last: string; limit: number },
): Promise<string[]> {
  if (seesAll) return listRepositories(catalog, registryId, last, limit);
  const seen: string[] = [];
  for (let after = last; ;) {
    const names = await listRepositories(catalog, registryId, after, batch);
    for (const name of names) if (maySee(name) && seen.push(name) === limit) return seen;
    if (names.length < batch) return seen;
    after = names.at(-1)!;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

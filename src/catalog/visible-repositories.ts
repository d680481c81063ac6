import type { Lockable } from './attributes.ts';
import type { Catalog } from './context.ts';
import { findListedRepository, type ListedRepository } from './describe-repository.ts';
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

/** A repository as lists of them have it. */
export type VisibleRepository = Lockable & { id: number; name: string };

/**
 * Names of repositories that are listed and that somebody may know of, after `last`. Who sees few of many makes us read past the others: where
 * it stopped would be the name of one, so a page ends only when it is full.
 */
export async function listVisibleRepositories(
  catalog: Catalog,
  registryId: number,
  viewer: Viewer,
  position: { last: string; limit: number },
): Promise<string[]> {
  return (await readVisibleRepositories(catalog, registryId, viewer, position)).map(({ name }) => name);
}

/** The same, with their ids. */
export async function readVisibleRepositories(
  catalog: Catalog,
  registryId: number,
  { maySee, seesAll }: Viewer,
  { last, limit }: { last: string; limit: number },
): Promise<VisibleRepository[]> {
  const now = catalog.now();
  if (seesAll) {
    return readShown<VisibleRepository>(now, limit, (row) =>
      readRepositories(catalog, registryId, row?.name ?? last, limit),
    );
  }
  const seen: VisibleRepository[] = [];
  for (let after = last; ;) {
    const rows = await readRepositories(catalog, registryId, after, batch);
    for (const row of rows) if (maySee(row.name) && isShown(row, now) && seen.push(row) === limit) return seen;
    if (rows.length < batch) return seen;
    after = rows.at(-1)!.name;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

/** A repository by its name, where lists of them show it to somebody. */
export async function findVisibleRepository(
  catalog: Catalog,
  registryId: number,
  { maySee }: Viewer,
  name: string,
): Promise<ListedRepository | undefined> {
  const repository = maySee(name) ? await findListedRepository(catalog, registryId, name) : undefined;
  return repository && isShown(repository, catalog.now()) ? repository : undefined;
}

/** Repositories of a page. */
const pageSize = 1000;

/** The names of all repositories of a registry in their order, page by page, for whoever looks at all of them in the background. */
export async function* repositoryPages(catalog: Catalog, registryId: number): AsyncGenerator<string[]> {
  const everything = { seesAll: true, maySee: () => true };
  for (let last = ''; ;) {
    const names = await listVisibleRepositories(catalog, registryId, everything, { last, limit: pageSize });
    if (names.length > 0) yield names;
    if (names.length < pageSize) return;
    last = names.at(-1)!;
  }
}

import { listsOf, type Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { bit, type Lockable, wholeRepository } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { shareRepository } from './hold-repository.ts';
import { afterName } from './pages.ts';
import { requireUnlocked } from './refuse-locked.ts';
import { requireRegistry } from './require-registry.ts';
import './tables.ts';

export async function findRepository(
  { db }: Catalog,
  registryId: number,
  name: string,
): Promise<Repository | undefined> {
  const row = await db.first<{ id: number; attributes: number }>(
    'SELECT id, attributes FROM repositories WHERE registry_id = ? AND name = ?',
    [registryId, name],
  );
  return row && { id: row.id, registryId, name, attributes: row.attributes };
}

/**
 * The repository of a valid name, made by the transaction that first puts something into it: a push that fails leaves
 * no empty repository behind. Takes no lock on one that is in use, because every push to it would meet there. `found`:
 * its row, where the caller has read it together with other things. `listed`: it gets a manifest. `bound`: the id that it must
 * have, UNAUTHORIZED otherwise (lesson 24). REGISTRY_DISALLOWED_OPERATION where it is locked against writing, which it
 * stays free of until the transaction ends.
 */
export async function ensureRepository(
  catalog: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
  { found, listed = false, bound }: EnsureOptions = {},
): Promise<Repository> {
  for (let existing = found; ; existing = undefined) {
    existing ??= await readRepository(catalog, tx, registryId, name);
    if (bound !== undefined) requireBound(existing?.id, bound);
    if (existing)
      await requireUnlocked(catalog, tx, { id: existing.id, name }, wholeRepository, existing, bit.writeEnabled);
    if (existing?.retiring_at === null && (!listed || existing.listed === 1)) {
      return { id: existing.id, registryId, name };
    }
    const taken = existing
      ? await tx.first<{ id: number }>(
          // By its name, too: it may have lost that, see retire-repository.ts.
          `UPDATE repositories SET retiring_at = NULL${listed ? ', listed = 1' : ''} WHERE id = ? AND name = ?
            RETURNING id`,
          [existing.id, name],
        )
      : await tx.first<{ id: number }>(
          `INSERT INTO repositories (registry_id, name, created_at, listed) VALUES (?, ?, ?, ?)
            ON CONFLICT (registry_id, name) DO NOTHING RETURNING id`,
          [registryId, name, catalog.now(), listed ? 1 : 0],
        );
    if (taken) return { id: taken.id, registryId, name };
    // Somebody else made it, or removed it, between the two statements.
  }
}

export interface EnsureOptions {
  found?: RepositoryRow | undefined;
  listed?: boolean;
  bound?: number | undefined;
}

/**
 * Throws REGISTRY_DISALLOWED_OPERATION where a repository is locked against writing: for who is about to send what would be
 * refused in the end. Whether it is, the transaction says.
 */
export async function requireWritable(catalog: Catalog, registryId: number, name: string): Promise<void> {
  const row = await catalog.db.first<Lockable & { id: number }>(
    'SELECT id, attributes, locked_until FROM repositories WHERE registry_id = ? AND name = ?',
    [registryId, name],
  );
  if (row) await requireUnlocked(catalog, catalog.db, { id: row.id, name }, wholeRepository, row, bit.writeEnabled);
}

/** Throws UNAUTHORIZED where a repository is not the one that somebody was given a right to (lesson 24). */
export function requireBound(id: number | undefined, bound: number | undefined): void {
  if (bound === undefined || id === bound) return;
  throw new RegistryError('UNAUTHORIZED', {
    message: 'the access token was given for a repository that is gone; get a new one',
  });
}

/** The id of each repository of these names that there is. */
export async function repositoryIds(
  catalog: Catalog,
  registryId: number,
  names: readonly string[],
): Promise<Map<string, number>> {
  // Most ask for one, which its own statement finds in half the time.
  if (names.length === 1) {
    const one = await findRepository(catalog, registryId, names[0]!);
    return new Map(one && [[one.name, one.id]]);
  }
  const { db } = catalog;
  const found = listsOf(names).map(({ list, values }) =>
    db.all<{ id: number; name: string }>(
      `SELECT id, name FROM repositories WHERE registry_id = ? AND name IN (${list})`,
      [registryId, ...values],
    ),
  );
  return new Map((await Promise.all(found)).flat().map(({ id, name }) => [name, id]));
}

export interface RepositoryRow extends Lockable {
  id: number;
  retiring_at: number | null;
  listed: number;
}

const columns = ['id', 'retiring_at', 'listed', 'attributes', 'locked_until'] as const;

/** Where a push goes: its registry, and the row of its repository, all null where there is none. */
export type Place = { registry: string } & { [column in keyof RepositoryRow]: RepositoryRow[column] | null };

/** One statement for both; takes the repository's name and the registry's id. `more`: further columns, of `r` and `g`. */
export const placeText = (more = ''): string => `SELECT g.name AS registry,
    ${columns.map((column) => `r.${column} AS ${column}`).join(', ')}${more}
  FROM registries g LEFT JOIN repositories r ON r.registry_id = g.id AND r.name = ? WHERE g.id = ?`;
const text = placeText();

/** The repository, if it is there. DENIED where the registry is not. */
export function repositoryAt(place: Place | undefined): RepositoryRow | undefined {
  requireRegistry(place?.registry);
  return place!.id === null ? undefined : (place as RepositoryRow);
}

/** For `ensureRepository`, without a lock on the row; called before any row is locked. DENIED where the registry is gone. */
export async function readRepository(
  catalog: Catalog,
  tx: Transaction,
  registryId: number,
  name: string,
): Promise<RepositoryRow | undefined> {
  shareRepository(catalog, tx, registryId, name);
  return repositoryAt(await tx.first<Place>(text, [name, registryId]));
}

/**
 * Repositories that hold a manifest, hidden ones too, after `last`, in byte order. Of those that do not, only the ones are read
 * that had one, and they are collected. The inner ORDER BY keeps PostgreSQL from reading all manifests instead of one for
 * each name; by time, because there is an index by digest and repository, which it would read until that repository comes.
 */
export function readRepositories(
  { db }: Catalog,
  registryId: number,
  last: string,
  limit: number,
): Promise<(Lockable & { id: number; name: string })[]> {
  return db.all<Lockable & { id: number; name: string }>(
    `SELECT id, name, attributes, locked_until FROM repositories r WHERE registry_id = ? AND name > ? AND listed = 1
      AND (SELECT m.pushed_at FROM manifests m WHERE m.repository_id = r.id ORDER BY m.pushed_at LIMIT 1) IS NOT NULL
      ORDER BY name LIMIT ?`,
    [registryId, afterName(last), limit],
  );
}

/** Their names. */
export async function listRepositories(
  catalog: Catalog,
  registryId: number,
  last: string,
  limit: number,
): Promise<string[]> {
  return (await readRepositories(catalog, registryId, last, limit)).map(({ name }) => name);
}

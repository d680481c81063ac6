import type { Lockable } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { type Attributes, attributesOf } from './describe-locks.ts';
import './tables.ts';

export interface RepositoryFacts {
  /** Times in ms. */
  createdAt: number;
  updatedAt: number;
  manifestCount: number;
  tagCount: number;
  attributes: Attributes;
}

/** A repository as `describeRepository` needs it. */
export type ListedRepository = Repository & Lockable & { createdAt: number };

/** A repository that holds a manifest, as the catalog lists it. */
export async function findListedRepository(
  { db }: Catalog,
  registryId: number,
  name: string,
): Promise<ListedRepository | undefined> {
  const row = await db.first<Lockable & { id: number; created_at: number }>(
    `SELECT id, created_at, attributes, locked_until FROM repositories r WHERE registry_id = ? AND name = ?
      AND (SELECT m.pushed_at FROM manifests m WHERE m.repository_id = r.id ORDER BY m.pushed_at LIMIT 1) IS NOT NULL`,
    [registryId, name],
  );
  if (!row) return undefined;
  const { id, attributes, locked_until, created_at: createdAt } = row;
  return { id, registryId, name, createdAt, attributes, locked_until };
}

/** What is known of a repository as a whole. What is counted is read step by step, so that nobody waits for it. */
export async function describeRepository(catalog: Catalog, repository: ListedRepository): Promise<RepositoryFacts> {
  const { db } = catalog;
  const { id, createdAt } = repository;
  const newest = async (table: 'tags' | 'manifests', column: string) =>
    (
      await db.first<{ at: number }>(
        `SELECT ${column} AS at FROM ${table} WHERE repository_id = ? ORDER BY ${column} DESC LIMIT 1`,
        [id],
      )
    )?.at ?? createdAt;
  const [tagged, pushed, [attributes]] = await Promise.all([
    newest('tags', 'updated_at'),
    newest('manifests', 'pushed_at'),
    attributesOf(catalog, id, 'repository', [{ ...repository, name: '' }]),
  ]);
  return {
    createdAt,
    updatedAt: Math.max(createdAt, tagged, pushed),
    manifestCount: await countOf(catalog, id, 'manifests', 'digest'),
    tagCount: await countOf(catalog, id, 'tags', 'name'),
    attributes: attributes!,
  };
}

/** Rows that one statement counts. */
const step = 1000;

async function countOf({ db }: Catalog, id: number, table: 'tags' | 'manifests', column: string): Promise<number> {
  let count = 0;
  for (let last = ''; ;) {
    const counted = await db.first<{ n: number; last: string | null }>(
      `SELECT count(*) AS n, max(${column}) AS last FROM (
        SELECT ${column} FROM ${table} WHERE repository_id = ? AND ${column} > ? ORDER BY ${column} LIMIT ${step}
      ) AS page`,
      [id, last],
    );
    count += counted!.n;
    if (counted!.n < step) return count;
    last = counted!.last!;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

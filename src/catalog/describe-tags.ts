import type { Digest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { afterName } from './pages.ts';
import { following, type ListPosition } from './time-order.ts';
import './tables.ts';

export interface TagFacts {
  name: string;
  digest: Digest;
  /** Times in ms. */
  createdAt: number;
  updatedAt: number;
}

interface Row {
  name: string;
  digest: Digest;
  created_at: number;
  updated_at: number;
}

const select = 'SELECT name, digest, created_at, updated_at FROM tags WHERE repository_id = ?';

/**
 * Tags of a repository with their facts. By time, a page after a tag that is gone begins where it was if the position has
 * its time, and with the first tag otherwise: of two mistakes, the one that shows a tag twice.
 */
export async function describeTags(
  catalog: Catalog,
  repository: Repository,
  position: ListPosition,
): Promise<TagFacts[]> {
  const at = await timeAt(catalog, repository, position);
  const { text, values } = following({ ...position, at }, { name: 'name', time: 'updated_at' });
  return (await catalog.db.all<Row>(`${select} ${text}`, [repository.id, ...values])).map(factsOf);
}

/** Tags of one manifest, by name. */
export async function describeTagsOf(
  { db }: Catalog,
  repository: Repository,
  digest: Digest,
  { last, limit }: { last: string; limit: number },
): Promise<TagFacts[]> {
  const rows = await db.all<Row>(
    `SELECT name, digest, created_at, updated_at FROM tags WHERE digest = ? AND repository_id = ? AND name > ?
      ORDER BY name LIMIT ?`,
    [digest, repository.id, afterName(last), limit],
  );
  return rows.map(factsOf);
}

export async function describeTag(
  { db }: Catalog,
  repository: Repository,
  name: string,
): Promise<TagFacts | undefined> {
  const row = await db.first<Row>(`${select} AND name = ?`, [repository.id, name]);
  return row && factsOf(row);
}

async function timeAt(
  catalog: Catalog,
  repository: Repository,
  { order, last, at }: ListPosition,
): Promise<number | undefined> {
  if (order === 'name' || at !== undefined || last === '') return at;
  // With every column: for the time alone, PostgreSQL takes the index by time, and reads all of it.
  return (await describeTag(catalog, repository, afterName(last)))?.updatedAt;
}

function factsOf({ name, digest, created_at: createdAt, updated_at: updatedAt }: Row): TagFacts {
  return { name, digest, createdAt, updatedAt };
}

import type { Digest } from '../oci/index.ts';
import type { Lockable } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { type Attributes, attributesOf } from './describe-locks.ts';
import { afterName } from './pages.ts';
import { readShown } from './shown.ts';
import { following, type ListPosition } from './time-order.ts';
import './tables.ts';

export interface TagFacts {
  name: string;
  digest: Digest;
  /** Times in ms. */
  createdAt: number;
  updatedAt: number;
  attributes: Attributes;
}

interface Row extends Lockable {
  name: string;
  digest: Digest;
  created_at: number;
  updated_at: number;
}

const columns = 'SELECT name, digest, created_at, updated_at, attributes, locked_until FROM tags';
const select = `${columns} WHERE repository_id = ?`;

/**
 * Tags of a repository with their facts, without those that are hidden. By time, a page after a tag that is gone begins where it was if the position has
 * its time, and with the first tag otherwise: of two mistakes, the one that shows a tag twice.
 */
export async function describeTags(
  catalog: Catalog,
  repository: Repository,
  position: ListPosition,
): Promise<TagFacts[]> {
  const at = await timeAt(catalog, repository, position);
  const rows = await readShown<Row>(catalog.now(), position.limit, (row) => {
    const from = { ...position, ...(row ? { last: row.name, at: row.updated_at } : { at }) };
    const { text, values } = following(from, { name: 'name', time: 'updated_at' });
    return catalog.db.all<Row>(`${select} ${text}`, [repository.id, ...values]);
  });
  return factsOf(catalog, repository, rows);
}

/** Tags of one manifest, by name. */
export async function describeTagsOf(
  catalog: Catalog,
  repository: Repository,
  digest: Digest,
  { last, limit }: { last: string; limit: number },
): Promise<TagFacts[]> {
  const rows = await readShown<Row>(catalog.now(), limit, (row) =>
    catalog.db.all<Row>(`${columns} WHERE digest = ? AND repository_id = ? AND name > ? ORDER BY name LIMIT ?`, [
      digest,
      repository.id,
      row?.name ?? afterName(last),
      limit,
    ]),
  );
  return factsOf(catalog, repository, rows);
}

export async function describeTag(
  catalog: Catalog,
  repository: Repository,
  name: string,
): Promise<TagFacts | undefined> {
  const row = await rowOf(catalog, repository, name);
  return row && (await factsOf(catalog, repository, [row]))[0];
}

function rowOf({ db }: Catalog, repository: Repository, name: string): Promise<Row | undefined> {
  return db.first<Row>(`${select} AND name = ?`, [repository.id, name]);
}

async function timeAt(
  catalog: Catalog,
  repository: Repository,
  { order, last, at }: ListPosition,
): Promise<number | undefined> {
  if (order === 'name' || at !== undefined || last === '') return at;
  // With every column: for the time alone, PostgreSQL takes the index by time, and reads all of it.
  return (await rowOf(catalog, repository, afterName(last)))?.updated_at;
}

async function factsOf(catalog: Catalog, { id }: Repository, rows: readonly Row[]): Promise<TagFacts[]> {
  const attributes = await attributesOf(catalog, id, 'tag', rows);
  return rows.map(({ name, digest, created_at: createdAt, updated_at: updatedAt }, at) => {
    return { name, digest, createdAt, updatedAt, attributes: attributes[at]! };
  });
}

import { listsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { nameBefore } from './retire-repository.ts';
import type { Catalog, Repository } from './context.ts';
import './tables.ts';

/** A manifest of a repository as it was pushed. */
export interface WholeManifest {
  mediaType: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/** The bytes of a manifest, whatever its size; for who looks into it, not for who pulls it. */
export async function readManifest(
  { db }: Catalog,
  repositoryId: number,
  digest: Digest,
): Promise<WholeManifest | undefined> {
  const row = await db.first<{ media_type: string; bytes: Uint8Array<ArrayBuffer> }>(
    'SELECT media_type, bytes FROM manifests WHERE repository_id = ? AND digest = ?',
    [repositoryId, digest],
  );
  return row && { mediaType: row.media_type, bytes: row.bytes };
}

/** Which of these digests are manifests of a repository. */
export async function manifestsAmong(
  { db }: Catalog,
  repositoryId: number,
  digests: readonly Digest[],
): Promise<Set<Digest>> {
  const found = listsOf(digests).map(({ list, values }) =>
    db.all<{ digest: Digest }>(`SELECT digest FROM manifests WHERE repository_id = ? AND digest IN (${list})`, [
      repositoryId,
      ...values,
    ]),
  );
  return new Set((await Promise.all(found)).flat().map(({ digest }) => digest));
}

/** The manifests of a repository that name a digest, as a child or as content; the first ones. */
export async function manifestsNaming(
  { db }: Catalog,
  repositoryId: number,
  digest: Digest,
  limit: number,
  after = '',
): Promise<{ digest: Digest; role: string }[]> {
  return db.all(
    `SELECT manifest_digest AS digest, role FROM manifest_references WHERE digest = ? AND repository_id = ?
        AND manifest_digest > ?
      ORDER BY manifest_digest LIMIT ?`,
    [digest, repositoryId, after, limit],
  );
}

/**
 * SQL of the first manifest of a repository, in the order of digests, that names a digest and does not come before another one;
 * NULL where there is none. For whoever keeps something of manifests, and looks for one that is in both. What is given is SQL, too.
 */
export const firstNaming = (repositoryId: string, digest: string, from: string): string =>
  `(SELECT f.manifest_digest FROM manifest_references f WHERE f.digest = ${digest} AND f.repository_id = ${repositoryId}
    AND f.manifest_digest >= ${from} ORDER BY f.manifest_digest LIMIT 1)`;

/** Whether a tag or an index of any repository of a registry names a manifest. */
export async function isNamed({ db }: Catalog, registryId: number, digest: Digest): Promise<boolean> {
  const [tag, index] = await Promise.all([
    db.first('SELECT name FROM tags WHERE digest = ? AND registry_id = ? LIMIT 1', [digest, registryId]),
    // The registry is not in the index: that of the repositories which come out of it is.
    db.first(
      `SELECT r.id FROM (SELECT repository_id FROM manifest_references WHERE digest = ? ORDER BY repository_id LIMIT 1000) f
        JOIN repositories r ON r.id = f.repository_id WHERE r.registry_id = ? LIMIT 1`,
      [digest, registryId],
    ),
  ]);
  return tag !== undefined || index !== undefined;
}

/**
 * Keeps a manifest from going until the transaction ends, so that what is written of it goes with it. False where it is
 * gone.
 */
export async function holdManifest(tx: Transaction, repositoryId: number, digest: string): Promise<boolean> {
  const text = 'SELECT digest FROM manifests WHERE repository_id = ? AND digest = ? FOR SHARE';
  return (await tx.first(text, [repositoryId, digest])) !== undefined;
}

/** A repository by its id, under the name that it has, or had before it was deleted. */
export async function repositoryOfId({ db }: Catalog, id: number): Promise<Repository | undefined> {
  const row = await db.first<{ registry_id: number; name: string; attributes: number }>(
    'SELECT registry_id, name, attributes FROM repositories WHERE id = ?',
    [id],
  );
  return row && { id, registryId: row.registry_id, name: nameBefore(row.name), attributes: row.attributes };
}

/** What was pulled from a repository since a time (ms), by digest; the first ones. */
export async function pulledDigests(
  { db }: Catalog,
  repositoryId: number,
  since: number,
  limit: number,
): Promise<{ digest: Digest; pulls: number; lastPullAt: number }[]> {
  return db.all(
    // Digests come after `sha`, and no tag has a colon.
    `SELECT reference AS digest, pulls, last_pull_at AS "lastPullAt" FROM pulls
      WHERE repository_id = ? AND reference >= 'sha256:' AND reference < 'sha513' AND last_pull_at >= ?
        AND reference LIKE 'sha%:%' ORDER BY reference LIMIT ?`,
    [repositoryId, since, limit],
  );
}

/** Where a tag was before, the latest first, of what is still there. */
export async function earlierDigests(
  { db }: Catalog,
  repositoryId: number,
  tag: string,
  limit: number,
): Promise<Digest[]> {
  const rows = await db.all<{ digest: Digest | null }>(
    'SELECT digest FROM tag_history WHERE repository_id = ? AND tag = ? ORDER BY id DESC LIMIT ?',
    [repositoryId, tag, limit],
  );
  return [...new Set(rows.flatMap(({ digest }) => (digest === null ? [] : [digest])))];
}

/** What tags of a repository name now. */
export async function digestsOfTags(
  { db }: Catalog,
  repositoryId: number,
  tags: readonly string[],
): Promise<Map<string, Digest>> {
  const found = listsOf(tags).map(({ list, values }) =>
    db.all<{ name: string; digest: Digest }>(
      `SELECT name, digest FROM tags WHERE repository_id = ? AND name IN (${list})`,
      [repositoryId, ...values],
    ),
  );
  return new Map((await Promise.all(found)).flat().map(({ name, digest }) => [name, digest]));
}

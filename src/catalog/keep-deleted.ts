import { type Parameter, rowsOf, type Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { imageSizeText } from './image-size.ts';
import './tables.ts';

/*
 * Soft delete (acr §4.6). Where a registry has it enabled, a manifest that is deleted leaves a copy of its row, the digests
 * that it named and the tags that it had, in the transaction that deletes it. What it named keeps its links for as long:
 * the collector asks for these references as for those of manifests. Nothing of it can be pulled, listed or counted as a
 * manifest; its bytes count as they did.
 *
 *   manifest  →  kept  →  restored (restore-deleted.ts), pushed again, or purged (purge-deleted.ts)
 *
 * A repository that is deleted whole keeps its id and its links for what is kept of it; what is restored goes into the
 * repository that has its name by then.
 */

/** How long what is kept is kept where a registry says nothing of it any more (ms): seven days, as in ACR. */
const usualRetentionMs = 7 * 86_400_000;

/** Tags that go in one transaction. */
export const tagsAtOnce = 500;

/** Whether what is deleted in a registry is kept. */
export function keepsDeleted({ softDelete }: Catalog, { registryId }: { registryId: number }): boolean {
  return softDelete?.(registryId)?.enabled === true;
}

/** For how long (ms) what was deleted is kept, as the registry has it now. */
export function retentionOf({ softDelete }: Catalog, registryId: number): number {
  return softDelete?.(registryId)?.retentionMs ?? usualRetentionMs;
}

/**
 * Keeps a manifest and what it names. Caller holds its row, which goes afterwards with its references. Its tags are those that
 * went after its push: one by a clock that was ahead is taken to have been before the first of them.
 */
export function keepManifest({ now, by }: Catalog, tx: Transaction, repository: Repository, digest: string): void {
  const of = [repository.id, digest];
  const at = now();
  tx.send(
    `INSERT INTO deleted_manifests (registry_id, repository_id, repository, digest, media_type, artifact_type, kind, size,
        image_size, subject_digest, annotations, pushed_at, deleted_at, by_id, by_name, bytes)
      SELECT m.registry_id, m.repository_id, ?, m.digest, m.media_type, m.artifact_type, m.kind, m.size,
        CASE m.kind WHEN 'index' THEN m.size ELSE COALESCE((SELECT ${imageSizeText('f.size')} FROM manifest_references f
          WHERE f.repository_id = ? AND f.manifest_digest = ? AND f.role <> 'child'), 0) END,
        m.subject_digest, m.annotations, CASE WHEN m.pushed_at <= ? THEN m.pushed_at ELSE COALESCE((SELECT MIN(t.deleted_at)
          FROM deleted_tags t WHERE t.repository_id = ? AND t.digest = ?), ?) END, ?, ?, ?, m.bytes
      FROM manifests m WHERE m.repository_id = ? AND m.digest = ?
      ON CONFLICT (repository_id, digest) DO UPDATE SET media_type = excluded.media_type,
        pushed_at = excluded.pushed_at, deleted_at = excluded.deleted_at, by_id = excluded.by_id,
        by_name = excluded.by_name`,
    [repository.name, ...of, at, ...of, at, at, by?.id ?? null, by?.name ?? null, ...of],
  );
  tx.send(
    `INSERT INTO deleted_references (registry_id, repository_id, manifest_digest, digest)
      SELECT f.registry_id, f.repository_id, f.manifest_digest, f.digest FROM manifest_references f
      WHERE f.repository_id = ? AND f.manifest_digest = ?
      ON CONFLICT (repository_id, manifest_digest, digest) DO NOTHING`,
    of,
  );
}

/** Keeps names of tags that go with their manifest; caller has removed them. */
export function keepTags(
  { now }: Catalog,
  tx: Transaction,
  repository: Repository,
  digest: string,
  names: readonly string[],
): void {
  const at = now();
  const all = names.map((name) => [repository.registryId, repository.id, repository.name, digest, name, at]);
  for (const { rows, values } of rowsOf<Parameter>(all)) {
    tx.send(
      `INSERT INTO deleted_tags (registry_id, repository_id, repository, digest, name, deleted_at) VALUES ${rows}
        ON CONFLICT (repository_id, digest, name) DO UPDATE SET deleted_at = excluded.deleted_at`,
      values,
    );
  }
}

/** Whether a manifest of a repository was deleted and is kept. */
export async function isKeptAsDeleted(tx: Transaction, repositoryId: number, digest: string): Promise<boolean> {
  const text = 'SELECT digest FROM deleted_manifests WHERE repository_id = ? AND digest = ?';
  return (await tx.first(text, [repositoryId, digest])) !== undefined;
}

/** A kept manifest of a repository that names a digest. Asked after the manifests that are there, whose it may become. */
export async function keptHolderOf(tx: Transaction, repositoryId: number, digest: string): Promise<string | undefined> {
  const holder = await tx.first<{ manifest_digest: string }>(
    `SELECT manifest_digest FROM deleted_references WHERE repository_id = ? AND digest = ?
      ORDER BY manifest_digest LIMIT 1`,
    [repositoryId, digest],
  );
  return holder?.manifest_digest;
}

/**
 * What is there again is not kept as deleted any more. False where it was not. Caller holds the row of the manifest, which
 * names all that it named; what is kept of an earlier repository of that name may be garbage there.
 */
export async function dropKept(
  catalog: Catalog,
  tx: Transaction,
  { id, registryId, name }: Repository,
  digest: Digest,
): Promise<boolean> {
  const rows = await tx.all<{ repository_id: number }>(
    `SELECT repository_id FROM deleted_manifests WHERE registry_id = ? AND repository = ? AND digest = ?
      ORDER BY repository_id`,
    [registryId, name, digest],
  );
  let dropped = false;
  for (const { repository_id: kept } of rows) {
    if ((await deleteKept(tx, kept, digest)) === 0) continue;
    dropped = true;
    const named = await forgetReferences(tx, kept, digest);
    if (kept !== id) releaseLinks(catalog, tx, { id: kept, registryId }, named);
    await dropTags(tx, kept, digest);
  }
  return dropped;
}

/** Deletes what is kept of a manifest that was deleted until then (ms): 1, or 0 where it was not, or is gone. */
export function deleteKept(
  tx: Transaction,
  repositoryId: number,
  digest: string,
  until = Number.MAX_SAFE_INTEGER,
): Promise<number> {
  return tx.run('DELETE FROM deleted_manifests WHERE repository_id = ? AND digest = ? AND deleted_at <= ?', [
    repositoryId,
    digest,
    until,
  ]);
}

/** Forgets what a kept manifest named, whose row the caller has deleted; returns it, sorted. */
export async function forgetReferences(tx: Transaction, repositoryId: number, digest: string): Promise<string[]> {
  const named = await tx.all<{ digest: string }>(
    'DELETE FROM deleted_references WHERE repository_id = ? AND manifest_digest = ? RETURNING digest',
    [repositoryId, digest],
  );
  return named.map((row) => row.digest).toSorted();
}

/** What a kept manifest named may be garbage now, and its repository empty. */
export function releaseLinks(
  catalog: Catalog,
  tx: Transaction,
  scope: { id: number; registryId: number },
  digests: readonly string[],
): void {
  addCandidates(catalog, tx, scope, 'link', digests);
  addCandidates(catalog, tx, scope, 'repository', ['']);
}

/** Forgets some tags of a kept manifest. True where there may be more; those that stay are not shown without it. */
export async function dropTags(tx: Transaction, repositoryId: number, digest: string): Promise<boolean> {
  const dropped = await tx.run(
    `DELETE FROM deleted_tags WHERE repository_id = ? AND digest = ? AND name IN (
      SELECT name FROM deleted_tags WHERE repository_id = ? AND digest = ? ORDER BY name LIMIT ${tagsAtOnce})`,
    [repositoryId, digest, repositoryId, digest],
  );
  return dropped === tagsAtOnce;
}

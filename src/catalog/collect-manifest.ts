import type { Transaction } from '../database/index.ts';
import { isHeld, keepBits } from './attributes.ts';
import { addCandidates, type Candidate, type Outcome } from './candidates.ts';
import type { Catalog } from './context.ts';
import { removeManifest } from './delete-manifest.ts';
import { takeDue } from './due.ts';
import { isKeptAsDeleted } from './keep-deleted.ts';
import { isKeptWhole } from './kept-whole.ts';
import { holderOf } from './references.ts';
import { nameBefore } from './retire-repository.ts';
import './tables.ts';

/** A referrer goes when neither its subject nor a tag nor an index nor a lock holds it (lesson 50). */
export async function collectManifest(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<Outcome> {
  const { db } = catalog;
  const { repositoryId, digest } = candidate;
  const manifests = tx.selectFrom('manifests').where('repository_id', '=', repositoryId);
  const row = await db
    .forUpdate(manifests.select(['subject_digest', 'attributes', 'locked_until']).where('digest', '=', digest))
    .executeTakeFirst();
  const subject = row?.subject_digest
    ? await db.forShare(manifests.select('digest').where('digest', '=', row.subject_digest)).executeTakeFirst()
    : undefined;
  if (!(await takeDue(catalog, tx, candidate))) return {};
  if (!row?.subject_digest || subject) return {};
  if ((await holderOf(tx, repositoryId, digest)) !== undefined || (await isTagged(tx, repositoryId, digest))) return {};
  const scope = { id: repositoryId, registryId: candidate.registryId };
  if (isHeld(row, keepBits, catalog.now()) || (await isKeptWhole(catalog, tx, scope))) {
    addCandidates(catalog, tx, scope, 'manifest', [digest]);
    return {};
  }
  const { name } = await tx
    .selectFrom('repositories')
    .select('name')
    .where('id', '=', repositoryId)
    .executeTakeFirstOrThrow();
  const repository = { ...scope, name: nameBefore(name) };
  const gone = { digest, attributes: row.attributes };
  // With the server stopped nobody knows what its registry says: it goes the way of its subject.
  const kept = catalog.softDelete ? undefined : await isKeptAsDeleted(tx, repositoryId, row.subject_digest);
  await removeManifest(catalog, tx, repository, gone, kept);
  return { removed: 'manifest' };
}

export async function isTagged(tx: Transaction, repositoryId: number, digest: string): Promise<boolean> {
  const tag = await tx
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .orderBy('name')
    .limit(1)
    .executeTakeFirst();
  return tag !== undefined;
}

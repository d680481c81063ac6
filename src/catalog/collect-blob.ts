import { lockBlob, markDeleting } from '../content/index.ts';
import type { Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { addCandidates, type Candidate, type Outcome } from './candidates.ts';
import type { Catalog } from './context.ts';
import { takeDue } from './due.ts';
import { keptHolderOf } from './keep-deleted.ts';
import { isKeptWhole } from './kept-whole.ts';
import { removeLink } from './links.ts';
import { holderOf } from './references.ts';
import './tables.ts';

/** A link that no manifest of its repository names, nor one that is kept, goes, and the blob with its last link. */
export async function collectLink(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<Outcome> {
  const { db } = catalog;
  const digest = candidate.digest as Digest;
  const scope = { id: candidate.repositoryId, registryId: candidate.registryId };
  const blob = await lockBlob(tx, digest);
  const query = tx
    .selectFrom('blob_links')
    .select('digest')
    .where('repository_id', '=', scope.id)
    .where('digest', '=', digest);
  const link = await db.forUpdate(query).executeTakeFirst();
  if (!(await takeDue(catalog, tx, candidate))) return {};
  if (!link || (await holderOf(tx, scope.id, digest)) !== undefined) return {};
  if ((await keptHolderOf(tx, scope.id, digest)) !== undefined) return {};
  if (await isKeptWhole(catalog, tx, scope)) {
    addCandidates(catalog, tx, scope, 'link', [digest]);
    return {};
  }
  await removeLink(tx, scope.id, digest);
  addCandidates(catalog, tx, scope, 'repository', ['']);
  return { removed: 'link', blobBytes: blob && (await dropUnlinked(tx, digest, blob.size)) };
}

/** A blob that a delete may have left without a link. */
export async function collectBlob(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<Outcome> {
  const digest = candidate.digest as Digest;
  const blob = await lockBlob(tx, digest);
  if (!(await takeDue(catalog, tx, candidate)) || !blob) return {};
  return { blobBytes: await dropUnlinked(tx, digest, blob.size) };
}

/** First phase of the delete of a blob that has no link; caller holds its row, so that none can be made meanwhile. */
async function dropUnlinked(tx: Transaction, digest: Digest, size: number): Promise<number | undefined> {
  const linked = await tx
    .selectFrom('blob_links')
    .select('digest')
    .where('digest', '=', digest)
    .limit(1)
    .executeTakeFirst();
  if (linked) return undefined;
  await markDeleting(tx, digest);
  return size;
}

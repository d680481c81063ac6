import type { Transaction } from '../database/index.ts';
import { isHeld, keepBits } from './attributes.ts';
import { addCandidates, type Candidate, type Outcome } from './candidates.ts';
import type { Catalog } from './context.ts';
import { takeDue } from './due.ts';
import { forgetAttributes } from './forget-attributes.ts';
import { dropPulls } from './pulls.ts';
import './tables.ts';

/**
 * How long a repository is marked before its row goes (ms). Longer than any transaction lives: a push reads the row
 * without a lock, so one that read it before the mark must have ended, and then its content shows. A push that reads
 * the mark takes it back, which locks the row.
 */
export const retireMs = 600_000;

/** Rows of tag history, and of pulls, that go in one transaction. */
const historyChunk = 1_000;

/** A repository without links and manifests, kept ones included, is marked, and removed later if it stayed empty. */
export async function collectRepository(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<Outcome> {
  const { db, now } = catalog;
  const id = candidate.repositoryId;
  const query = tx
    .selectFrom('repositories')
    .select(['retiring_at', 'listed', 'attributes', 'locked_until'])
    .where('id', '=', id);
  const row = await db.forUpdate(query).executeTakeFirst();
  if (!(await takeDue(catalog, tx, candidate)) || !row) return {};
  if (!(await isEmpty(tx, id))) {
    // Of a deleted one it says since when.
    if (row.retiring_at !== null && row.listed !== 2) await setRetiring(tx, id, null);
    return {};
  }
  const scope = { id, registryId: candidate.registryId };
  const again = (notBefore: number): void => addCandidates(catalog, tx, scope, 'repository', [''], notBefore);
  if (row.listed < 2 && isHeld(row, keepBits, now())) {
    again(now() + catalog.gcDelayMs);
    return {};
  }
  if (row.retiring_at === null || row.retiring_at > now() - retireMs) {
    if (row.retiring_at === null) await setRetiring(tx, id, now());
    again((row.retiring_at ?? now()) + retireMs);
    return {};
  }
  const history = tx.selectFrom('tag_history').select('id').where('repository_id', '=', id).limit(historyChunk);
  const trimmed = await tx.deleteFrom('tag_history').where('id', 'in', history).executeTakeFirst();
  if (
    Number(trimmed.numDeletedRows) === historyChunk ||
    (await dropPulls(tx, id, historyChunk)) ||
    (await dropOrphans(tx, id))
  ) {
    again(now());
    return {};
  }
  if (row.attributes !== 0) forgetAttributes(tx, scope, 'repository', ['']);
  await tx.deleteFrom('repositories').where('id', '=', id).execute();
  return { removed: 'repository' };
}

export async function isEmpty(tx: Transaction, repositoryId: number): Promise<boolean> {
  for (const table of ['manifests', 'blob_links', 'deleted_manifests'] as const) {
    const row = await tx
      .selectFrom(table)
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .orderBy('digest')
      .limit(1)
      .executeTakeFirst();
    if (row) return false;
  }
  return true;
}

/** Tags of manifests that never went, or were pushed again. True where there may be more. */
async function dropOrphans(tx: Transaction, id: number): Promise<boolean> {
  const dropped = await tx.run(
    `DELETE FROM deleted_tags WHERE repository_id = ? AND (digest, name) IN (
      SELECT digest, name FROM deleted_tags WHERE repository_id = ? ORDER BY digest, name LIMIT ${historyChunk})`,
    [id, id],
  );
  return dropped === historyChunk;
}

async function setRetiring(tx: Transaction, id: number, at: number | null): Promise<void> {
  await tx.updateTable('repositories').set({ retiring_at: at }).where('id', '=', id).execute();
}

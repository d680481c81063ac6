import type { Transaction } from '../database/index.ts';
import type { Candidate } from './candidates.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/**
 * Takes a candidate whose time is still due out of the queue, and holds its row until the transaction ends: whoever
 * releases what it names makes it a candidate anew, after this decision. False when it is not due any more. Every
 * other lock of the decision comes before.
 */
export async function takeDue({ db, now }: Catalog, tx: Transaction, candidate: Candidate): Promise<boolean> {
  const query = tx
    .selectFrom('gc_candidates')
    .select('not_before')
    .where('repository_id', '=', candidate.repositoryId)
    .where('kind', '=', candidate.kind)
    .where('digest', '=', candidate.digest);
  const row = await db.forUpdate(query).executeTakeFirst();
  if (!row || row.not_before > now()) return false;
  await tx
    .deleteFrom('gc_candidates')
    .where('repository_id', '=', candidate.repositoryId)
    .where('kind', '=', candidate.kind)
    .where('digest', '=', candidate.digest)
    .execute();
  return true;
}

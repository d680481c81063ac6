import type { Transaction } from '../database/index.ts';
import type { Catalog, Repository } from './context.ts';
import './tables.ts';

/**
 * What may be garbage: a `link` that no manifest names, a `manifest` whose subject was deleted, a `blob` that may
 * have lost its last link.
 */
export type CandidateKind = 'link' | 'manifest' | 'blob';

/** Makes candidates, or pushes their time out, so that each has the full delay from now. */
export async function addCandidates(
  { gcDelayMs, now }: Catalog,
  tx: Transaction,
  repository: { id: number; registryId: number } | Repository,
  kind: CandidateKind,
  digests: readonly string[],
): Promise<void> {
  // A blob without links is invisible already, so waiting protects nobody.
  const notBefore = kind === 'blob' ? now() : now() + gcDelayMs;
  for (let at = 0; at < digests.length; at += 500) {
    await tx
      .insertInto('gc_candidates')
      .values(
        digests.slice(at, at + 500).map((digest) => ({
          registry_id: repository.registryId,
          repository_id: repository.id,
          kind,
          digest,
          not_before: notBefore,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['repository_id', 'kind', 'digest']).doUpdateSet({ not_before: notBefore }),
      )
      .execute();
  }
}

/** Pushes the time of an existing link candidate out; a link that is none stays none. */
export async function deferCandidate(
  { gcDelayMs, now }: Catalog,
  tx: Transaction,
  repositoryId: number,
  digest: string,
): Promise<void> {
  await tx
    .updateTable('gc_candidates')
    .set({ not_before: now() + gcDelayMs })
    .where('repository_id', '=', repositoryId)
    .where('kind', '=', 'link')
    .where('digest', '=', digest)
    .execute();
}

export async function dropCandidate(
  tx: Transaction,
  repositoryId: number,
  kind: CandidateKind,
  digest: string,
): Promise<void> {
  await tx
    .deleteFrom('gc_candidates')
    .where('repository_id', '=', repositoryId)
    .where('kind', '=', kind)
    .where('digest', '=', digest)
    .execute();
}

/** Links that a manifest now names are no candidates any more. */
export async function dropLinkCandidates(
  tx: Transaction,
  repositoryId: number,
  digests: readonly string[],
): Promise<void> {
  for (let at = 0; at < digests.length; at += 500) {
    await tx
      .deleteFrom('gc_candidates')
      .where('repository_id', '=', repositoryId)
      .where('kind', '=', 'link')
      .where('digest', 'in', digests.slice(at, at + 500))
      .execute();
  }
}

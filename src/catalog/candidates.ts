import type { Transaction } from '../database/index.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/**
 * What may be garbage:
 * - a `link` that no manifest names;
 * - a `manifest` with a subject (a referrer) that lost its subject, a tag or an index;
 * - a `blob` that may have lost its last link; it belongs to no repository (its repository is 0);
 * - a `repository` that lost a link or a manifest and may be empty (its digest is '').
 */
export type CandidateKind = 'link' | 'manifest' | 'blob' | 'repository';

/** One row of the queue. */
export interface Candidate {
  registryId: number;
  repositoryId: number;
  kind: CandidateKind;
  digest: string;
  notBefore: number;
}

/** What became of one candidate. */
export interface Outcome {
  removed?: CandidateKind;
  /** Bytes of the blob that nobody links any more; undefined when it stays. */
  blobBytes?: number | undefined;
}

export interface Scope {
  id: number;
  registryId: number;
}

/** The scope of candidates that belong to no repository. */
export const anywhere: Scope = { id: 0, registryId: 0 };

/** Most rows in one statement. */
const chunk = 500;

/** Makes candidates, or pushes their time out, so that each has the full delay from now. Digests come sorted. */
export async function addCandidates(
  { gcDelayMs, now }: Catalog,
  tx: Transaction,
  scope: Scope,
  kind: CandidateKind,
  digests: readonly string[],
  // A blob without links is invisible already, so waiting protects nobody.
  notBefore = kind === 'blob' ? now() : now() + gcDelayMs,
): Promise<void> {
  for (let at = 0; at < digests.length; at += chunk) {
    await tx
      .insertInto('gc_candidates')
      .values(
        digests.slice(at, at + chunk).map((digest) => ({
          registry_id: scope.registryId,
          repository_id: scope.id,
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

/** Pushes the time of an existing candidate out; what is none stays none. */
export async function deferCandidate(
  tx: Transaction,
  scope: { id: number },
  kind: CandidateKind,
  digest: string,
  notBefore: number,
): Promise<void> {
  await tx
    .updateTable('gc_candidates')
    .set({ not_before: notBefore })
    .where('repository_id', '=', scope.id)
    .where('kind', '=', kind)
    .where('digest', '=', digest)
    .execute();
}

/** What a manifest now names, or was asked to go, is no candidate any more. */
export async function dropCandidates(
  { db }: Catalog,
  tx: Transaction,
  scope: { id: number },
  kind: CandidateKind,
  digests: readonly string[],
): Promise<void> {
  for (let at = 0; at < digests.length; at += chunk) {
    await tx
      .deleteFrom('gc_candidates')
      .where('repository_id', '=', scope.id)
      .where('kind', '=', kind)
      .where('digest', 'in', db.forUpdate(inOrder(tx, scope, kind, digests.slice(at, at + chunk))))
      .execute();
  }
}

/** Drops some manifests and adds others; the rows of both are locked in the order of their digests. */
export async function exchangeManifests(
  catalog: Catalog,
  tx: Transaction,
  scope: Scope,
  { dropped, added }: { dropped: readonly string[]; added: readonly string[] },
): Promise<void> {
  if (dropped.length > 0 && added.length > 0) {
    const all = [...dropped, ...added].toSorted();
    for (let at = 0; at < all.length; at += chunk) {
      await catalog.db.forUpdate(inOrder(tx, scope, 'manifest', all.slice(at, at + chunk))).execute();
    }
  }
  await dropCandidates(catalog, tx, scope, 'manifest', dropped);
  await addCandidates(catalog, tx, scope, 'manifest', added);
}

function inOrder(tx: Transaction, scope: { id: number }, kind: CandidateKind, digests: readonly string[]) {
  return tx
    .selectFrom('gc_candidates')
    .select('digest')
    .where('repository_id', '=', scope.id)
    .where('kind', '=', kind)
    .where('digest', 'in', digests)
    .orderBy('digest');
}

/**
 * Whether a client that was told now that something exists may rely on it for the whole delay, without a write. A
 * candidate whose time was pushed out a moment ago is good enough: what is asked for all the time is not written
 * all the time.
 */
export function isKept({ gcDelayMs, now }: Catalog, notBefore: number | null): boolean {
  return notBefore === null || notBefore > now() + gcDelayMs - leaseSlack(gcDelayMs);
}

/** By how much the time that a client may rely on can be shorter than the delay (ms). */
export function leaseSlack(gcDelayMs: number): number {
  return Math.min(60_000, gcDelayMs / 10);
}

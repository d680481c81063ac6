import { listsOf, type Parameter, rowsOf, type Transaction } from '../database/index.ts';
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

/** Makes candidates, or pushes their time out, so that each has the full delay from now. Digests come sorted. */
export function addCandidates(
  { gcDelayMs, now }: Catalog,
  tx: Transaction,
  scope: Scope,
  kind: CandidateKind,
  digests: readonly string[],
  // A blob without links is invisible already, so waiting protects nobody.
  notBefore = kind === 'blob' ? now() : now() + gcDelayMs,
): void {
  const all = digests.map((digest) => [scope.registryId, scope.id, kind, digest, notBefore]);
  for (const { rows, values } of rowsOf<Parameter>(all)) {
    tx.send(
      `INSERT INTO gc_candidates (registry_id, repository_id, kind, digest, not_before) VALUES ${rows}
        ON CONFLICT (repository_id, kind, digest) DO UPDATE SET not_before = excluded.not_before`,
      values,
    );
  }
}

/** Pushes the time of an existing candidate out; what is none stays none. */
export function deferCandidate(
  tx: Transaction,
  scope: { id: number },
  kind: CandidateKind,
  digest: string,
  notBefore: number,
): void {
  tx.send('UPDATE gc_candidates SET not_before = ? WHERE repository_id = ? AND kind = ? AND digest = ?', [
    notBefore,
    scope.id,
    kind,
    digest,
  ]);
}

/** What a manifest now names, or was asked to go, is no candidate any more. */
export function dropCandidates(
  tx: Transaction,
  scope: { id: number },
  kind: CandidateKind,
  digests: readonly string[],
): void {
  for (const { list, values } of listsOf(digests)) {
    const text = `DELETE FROM gc_candidates WHERE repository_id = ? AND kind = ? AND digest IN (${inOrder(list)})`;
    tx.send(text, [scope.id, kind, scope.id, kind, ...values]);
  }
}

/** Drops some manifests and adds others; the rows of both are locked in the order of their digests. */
export function exchangeManifests(
  catalog: Catalog,
  tx: Transaction,
  scope: Scope,
  { dropped, added }: { dropped: readonly string[]; added: readonly string[] },
): void {
  if (dropped.length > 0 && added.length > 0) {
    for (const { list, values } of listsOf([...dropped, ...added].toSorted())) {
      tx.send(inOrder(list), [scope.id, 'manifest', ...values]);
    }
  }
  dropCandidates(tx, scope, 'manifest', dropped);
  addCandidates(catalog, tx, scope, 'manifest', added);
}

function inOrder(list: string): string {
  return `SELECT digest FROM gc_candidates WHERE repository_id = ? AND kind = ? AND digest IN (${list})
    ORDER BY digest FOR UPDATE`;
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

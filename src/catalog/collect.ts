import type { Transaction } from '../database/index.ts';
import type { Candidate, CandidateKind, Outcome } from './candidates.ts';
import { collectBlob, collectLink } from './collect-blob.ts';
import { collectManifest } from './collect-manifest.ts';
import { collectRepository } from './collect-repository.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

export interface Collected {
  /** Candidates that were looked at. */
  examined: number;
  links: number;
  manifests: number;
  /** Blobs whose bytes may now be removed (`sweepDeleted` does). */
  blobs: number;
  /** Bytes of these blobs. */
  bytes: number;
  repositories: number;
  /** Candidates that could not be looked at; each is tried again later. */
  failures: { candidate: Candidate; error: unknown }[];
}

/** Candidates at work at once: on SQLite they share a commit, on PostgreSQL they use as many connections. */
const parallel = 8;

/** After a failure a candidate waits this long (ms), so that a broken one does not stand in the way of others. */
const retryMs = 600_000;

/**
 * One step of garbage collection: looks at up to `limit` candidates whose time has come, each in a transaction of its
 * own that locks and checks again. Never scans, never pauses anything. Throws only when nothing could be done at all.
 * With `rest` it takes one at a time, and awaits that after each: beside requests, not as fast as it can.
 */
export async function collectStep(catalog: Catalog, limit = 100, rest?: () => Promise<void>): Promise<Collected> {
  const due = await dueCandidates(catalog, limit);
  const total: Collected = {
    examined: due.length,
    links: 0,
    manifests: 0,
    blobs: 0,
    bytes: 0,
    repositories: 0,
    failures: [],
  };
  const together = rest ? 1 : parallel;
  for (let at = 0; at < due.length; at += together) {
    await Promise.all(due.slice(at, at + together).map((candidate) => collectInto(catalog, candidate, total)));
    await rest?.();
  }
  if (total.failures.length > 0 && total.failures.length === due.length) throw total.failures[0]!.error;
  return total;
}

async function collectInto(catalog: Catalog, candidate: Candidate, total: Collected): Promise<void> {
  try {
    const done = await catalog.db.write((tx) => collectOne(catalog, tx, candidate));
    if (done.removed === 'link') total.links++;
    if (done.removed === 'manifest') total.manifests++;
    if (done.removed === 'repository') total.repositories++;
    if (done.blobBytes === undefined) return;
    total.blobs++;
    total.bytes += done.blobBytes;
  } catch (error) {
    total.failures.push({ candidate, error });
    await catalog.db.write((tx) => postpone(tx, candidate, catalog.now() + retryMs)).catch(() => {});
  }
}

function collectOne(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<Outcome> {
  switch (candidate.kind) {
    case 'link':
      return collectLink(catalog, tx, candidate);
    case 'manifest':
      return collectManifest(catalog, tx, candidate);
    case 'blob':
      return collectBlob(catalog, tx, candidate);
    case 'repository':
      return collectRepository(catalog, tx, candidate);
  }
}

/** Candidates whose time has come, the oldest first, after `last` where that is given. */
export async function dueCandidates(
  { db, now }: Catalog,
  limit: number,
  last?: Candidate,
  at = now(),
): Promise<Candidate[]> {
  const after = last ? 'AND (not_before, repository_id, kind, digest) > (?, ?, ?, ?)' : '';
  const rows = await db.all<{
    registry_id: number;
    repository_id: number;
    kind: CandidateKind;
    digest: string;
    not_before: number;
  }>(
    `SELECT registry_id, repository_id, kind, digest, not_before FROM gc_candidates WHERE not_before <= ? ${after}
      ORDER BY not_before, repository_id, kind, digest LIMIT ?`,
    [at, ...(last ? [last.notBefore, last.repositoryId, last.kind, last.digest] : []), limit],
  );
  return rows.map((row) => ({
    registryId: row.registry_id,
    repositoryId: row.repository_id,
    kind: row.kind,
    digest: row.digest,
    notBefore: row.not_before,
  }));
}

async function postpone(tx: Transaction, candidate: Candidate, notBefore: number): Promise<void> {
  await tx
    .updateTable('gc_candidates')
    .set({ not_before: notBefore })
    .where('repository_id', '=', candidate.repositoryId)
    .where('kind', '=', candidate.kind)
    .where('digest', '=', candidate.digest)
    .where('not_before', '<', notBefore)
    .execute();
}

import { lockBlob, markDeleting } from '../content/index.ts';
import type { Transaction } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { type CandidateKind, dropCandidate } from './candidates.ts';
import type { Catalog } from './context.ts';
import { removeLink } from './links.ts';
import { deleteManifestIn } from './manifests.ts';
import './tables.ts';

export interface Collected {
  /** Candidates that were looked at. */
  examined: number;
  links: number;
  manifests: number;
  /** Blobs whose bytes may now be removed (`sweepDeleted` does). */
  blobs: number;
}

interface Candidate {
  registry_id: number;
  repository_id: number;
  kind: string;
  digest: string;
}

/**
 * One step of garbage collection: looks at up to `limit` candidates whose time has come, each in a transaction of its
 * own that locks and checks again. Never scans, never pauses anything.
 */
export async function collectStep(catalog: Catalog, limit = 100): Promise<Collected> {
  const due = await dueCandidates(catalog, limit);
  const total: Collected = { examined: due.length, links: 0, manifests: 0, blobs: 0 };
  for (const candidate of due) {
    const done = await catalog.db.write((tx) => collectOne(catalog, tx, candidate));
    if (done.removed === 'link') total.links++;
    if (done.removed === 'manifest') total.manifests++;
    if (done.blob) total.blobs++;
  }
  return total;
}

export function dueCandidates({ db, now }: Catalog, limit: number): Promise<Candidate[]> {
  return db.all<Candidate>(
    `SELECT registry_id, repository_id, kind, digest FROM gc_candidates WHERE not_before <= ?
      ORDER BY not_before, repository_id, kind, digest LIMIT ?`,
    [now(), limit],
  );
}

/** Locks in the order blob, link, candidate, as every writer does. */
async function collectOne(
  catalog: Catalog,
  tx: Transaction,
  candidate: Candidate,
): Promise<{ removed?: CandidateKind; blob?: boolean }> {
  const { db, now } = catalog;
  const kind = candidate.kind as CandidateKind;
  const digest = candidate.digest as Digest;
  const repositoryId = candidate.repository_id;
  if (kind !== 'manifest') await lockBlob(db, tx, digest);
  if (kind === 'link') {
    const link = tx
      .selectFrom('blob_links')
      .select('digest')
      .where('repository_id', '=', repositoryId)
      .where('digest', '=', digest);
    await db.forUpdate(link).executeTakeFirst();
  }
  const still = tx
    .selectFrom('gc_candidates')
    .select('not_before')
    .where('repository_id', '=', repositoryId)
    .where('kind', '=', kind)
    .where('digest', '=', digest);
  const row = await db.forUpdate(still).executeTakeFirst();
  if (!row || row.not_before > now()) return {};
  await dropCandidate(tx, repositoryId, kind, digest);
  if (kind === 'manifest') return (await collectManifest(catalog, tx, candidate)) ? { removed: 'manifest' } : {};
  if (kind === 'link') {
    if (await isReferenced(tx, repositoryId, digest)) return {};
    await removeLink(tx, repositoryId, digest);
  }
  const linked = await tx.selectFrom('blob_links').select('digest').where('digest', '=', digest).executeTakeFirst();
  if (!linked) await markDeleting(tx, digest);
  return { removed: kind, blob: !linked };
}

async function isReferenced(tx: Transaction, repositoryId: number, digest: string): Promise<boolean> {
  const found = await tx
    .selectFrom('manifest_references')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('digest', '=', digest)
    .executeTakeFirst();
  return found !== undefined;
}

/** A referrer whose subject was deleted goes too, unless something else holds it by now. */
async function collectManifest(catalog: Catalog, tx: Transaction, candidate: Candidate): Promise<boolean> {
  const row = await tx
    .selectFrom('manifests as m')
    .innerJoin('repositories as r', 'r.id', 'm.repository_id')
    .select(['r.name', 'm.subject_digest'])
    .where('m.repository_id', '=', candidate.repository_id)
    .where('m.digest', '=', candidate.digest)
    .executeTakeFirst();
  if (!row) return false;
  const at = tx.selectFrom('tags').select('name').where('repository_id', '=', candidate.repository_id);
  const subject = tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', candidate.repository_id)
    .where('digest', '=', row.subject_digest);
  if (await at.where('digest', '=', candidate.digest).executeTakeFirst()) return false;
  if (await catalog.db.forShare(subject).executeTakeFirst()) return false;
  if (await isReferenced(tx, candidate.repository_id, candidate.digest)) return false;
  const repository = { id: candidate.repository_id, registryId: candidate.registry_id, name: row.name };
  await deleteManifestIn(catalog, tx, repository, candidate.digest as Digest);
  return true;
}

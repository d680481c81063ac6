import { findBlob } from '../content/index.ts';
import type { Digest } from '../oci/index.ts';
import { isHeld, keepBits, type Lockable } from './attributes.ts';
import type { Candidate, CandidateKind } from './candidates.ts';
import { dueCandidates } from './collect.ts';
import { retireMs } from './collect-repository.ts';
import type { Catalog } from './context.ts';
import './tables.ts';

/** Something that a run of the collector at this time would remove. */
export interface Garbage {
  kind: CandidateKind;
  registryId: number;
  /** Name of the repository; undefined for a blob, which belongs to none. */
  repository: string | undefined;
  digest: string;
  /** Bytes that become free in storage. */
  bytes: number;
}

/**
 * What the collector would remove now, without removing it: the dry run. Reads candidates in pages and writes nothing.
 * Removals never make another candidate due, so the order in which a run takes them does not matter.
 */
export async function* listGarbage(catalog: Catalog, pageSize = 200): AsyncIterable<Garbage> {
  const at = catalog.now();
  let last: Candidate | undefined;
  for (;;) {
    const page = await dueCandidates(catalog, pageSize, last, at);
    for (const candidate of page) yield* garbageOf(catalog, candidate, at);
    if (page.length < pageSize) return;
    last = page.at(-1);
  }
}

async function* garbageOf(catalog: Catalog, candidate: Candidate, at: number): AsyncIterable<Garbage> {
  const { kind, registryId, digest } = candidate;
  if (kind === 'blob') {
    const linked = await found(catalog, 'SELECT 1 AS found FROM blob_links WHERE digest = ? LIMIT 1', [digest]);
    if (!linked) yield* blobGarbage(catalog, digest);
    return;
  }
  const condition = conditions[kind];
  const parameters = [candidate.repositoryId, ...(kind === 'repository' ? [at - retireMs] : [digest])];
  const row = await catalog.db.first<Lockable & { name: string; listed: number; own?: number; own_until?: number }>(
    condition,
    parameters,
  );
  if (!row) return;
  const { own = 0, own_until = 0 } = row;
  if (isHeld({ attributes: own, locked_until: own_until }, keepBits, at)) return;
  if (row.listed < 2 && isHeld(row, keepBits, at)) return;
  yield { kind, registryId, repository: row.name, digest, bytes: 0 };
  if (kind === 'link' && !(await found(catalog, linkThatStays, staysParameters(candidate, at)))) {
    yield* blobGarbage(catalog, digest);
  }
}

async function* blobGarbage({ db }: Catalog, digest: string): AsyncIterable<Garbage> {
  const blob = await findBlob(db, digest as Digest);
  if (blob) yield { kind: 'blob', registryId: 0, repository: undefined, digest, bytes: blob.size };
}

const repository = 'r.name AS name, r.listed AS listed, r.attributes AS attributes, r.locked_until AS locked_until';

/** The same questions that the collector asks under its locks (collect-blob, collect-manifest, collect-repository). */
const conditions = {
  link: `SELECT ${repository} FROM blob_links l JOIN repositories r ON r.id = l.repository_id
    WHERE l.repository_id = ? AND l.digest = ?
      AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)
      AND NOT EXISTS (SELECT 1 FROM deleted_references d WHERE d.repository_id = l.repository_id AND d.digest = l.digest)`,
  manifest: `SELECT ${repository}, m.attributes AS own, m.locked_until AS own_until FROM manifests m JOIN repositories r ON r.id = m.repository_id
    WHERE m.repository_id = ? AND m.digest = ? AND m.subject_digest IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM manifests s WHERE s.repository_id = m.repository_id AND s.digest = m.subject_digest)
      AND NOT EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = m.repository_id AND t.digest = m.digest)
      AND NOT EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = m.repository_id AND f.digest = m.digest)`,
  repository: `SELECT ${repository} FROM repositories r WHERE r.id = ? AND r.retiring_at <= ?
      AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.repository_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.repository_id = r.id)
      AND NOT EXISTS (SELECT 1 FROM deleted_manifests d WHERE d.repository_id = r.id)`,
};

/** A link of the same blob that the run keeps, or comes to later: then the blob does not go with this one. */
const linkThatStays = `SELECT 1 AS found FROM blob_links l
  LEFT JOIN gc_candidates c ON c.repository_id = l.repository_id AND c.kind = 'link' AND c.digest = l.digest
    AND c.not_before <= ?
  WHERE l.digest = ? AND (c.digest IS NULL OR (c.not_before, c.repository_id) > (?, ?)
    OR EXISTS (SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest)
    OR EXISTS (SELECT 1 FROM deleted_references d WHERE d.repository_id = l.repository_id AND d.digest = l.digest)
    OR EXISTS (SELECT 1 FROM repositories r WHERE r.id = l.repository_id AND r.listed < 2
      AND (r.attributes & ${keepBits}) <> 0 AND r.locked_until > ?)) LIMIT 1`;

function staysParameters({ digest, notBefore, repositoryId }: Candidate, at: number) {
  return [at, digest, notBefore, repositoryId, at];
}

async function found({ db }: Catalog, statement: string, parameters: (string | number)[]): Promise<boolean> {
  return (await db.first(statement, parameters)) !== undefined;
}

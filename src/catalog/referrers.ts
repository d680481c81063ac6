import type { Database } from '../database/index.ts';
import { type Digest, fallbackTag, manifestKind, parseManifest } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { findManifest } from './manifests.ts';
import './tables.ts';

export interface Referrer {
  mediaType: string;
  digest: string;
  size: number;
  artifactType?: string;
  annotations?: Record<string, string>;
}

interface Row {
  digest: string;
  media_type: string;
  size: number;
  artifact_type: string | null;
  annotations: string | null;
}

const columns = 'SELECT digest, media_type, size, artifact_type, annotations FROM manifests WHERE repository_id = ?';
const batch = 200;

/**
 * Manifests whose subject is `subject`, by digest, after `last`; together with what a client without this API listed
 * under the fallback tag (distribution-spec "Referrers Tag Schema"). Stops before `maxBytes` of JSON, then `more`.
 */
export async function listReferrers(
  catalog: Catalog,
  repository: Repository,
  subject: Digest,
  options: { artifactType: string | undefined; last: string; maxBytes: number },
): Promise<{ referrers: Referrer[]; more: boolean }> {
  const fallback = await fallbackRows(catalog, repository, subject);
  const referrers: Referrer[] = [];
  let bytes = 0;
  let after = options.last;
  for (;;) {
    const rows = await subjectRows(catalog.db, repository.id, subject, after);
    const end = rows.length === batch ? rows.at(-1)!.digest : undefined;
    const extra = fallback.filter((row) => row.digest > after && (end === undefined || row.digest <= end));
    const merged = new Map([...extra, ...rows].map((row) => [row.digest, row]));
    for (const row of [...merged.values()].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
      if (options.artifactType !== undefined && row.artifact_type !== options.artifactType) continue;
      bytes += (row.annotations?.length ?? 0) + row.media_type.length + (row.artifact_type?.length ?? 0) + 200;
      if (bytes > options.maxBytes && referrers.length > 0) return { referrers, more: true };
      referrers.push(descriptor(row));
    }
    if (end === undefined) return { referrers, more: false };
    after = end;
  }
}

function subjectRows(db: Database, repositoryId: number, subject: Digest, after: string): Promise<Row[]> {
  return db.all<Row>(`${columns} AND subject_digest = ? AND digest > ? ORDER BY digest LIMIT ${batch}`, [
    repositoryId,
    subject,
    after,
  ]);
}

/** The manifests that the fallback index names and that are still here; what it says of them is not trusted. */
async function fallbackRows(catalog: Catalog, repository: Repository, subject: Digest): Promise<Row[]> {
  const index = await findManifest(catalog, repository.registryId, repository.name, { tag: fallbackTag(subject) });
  if (!index || manifestKind(index.mediaType) !== 'index') return [];
  const rows: Row[] = [];
  for (const { digest } of parseManifest(index.bytes, index.mediaType).references) {
    const row = await catalog.db.first<Row>(`${columns} AND digest = ?`, [repository.id, digest]);
    if (row) rows.push(row);
  }
  return rows;
}

function descriptor(row: Row): Referrer {
  return {
    mediaType: row.media_type,
    digest: row.digest,
    size: row.size,
    ...(row.artifact_type !== null && { artifactType: row.artifact_type }),
    ...(row.annotations !== null && { annotations: JSON.parse(row.annotations) as Record<string, string> }),
  };
}

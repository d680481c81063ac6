import { type Digest, fallbackTag } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { afterName } from './pages.ts';
import './tables.ts';

/** A descriptor as the referrers API lists it. */
export interface Referrer {
  mediaType: string;
  digest: string;
  /** Bytes. */
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
  annotation_length: number | null;
}

export interface ReferrerOptions {
  /** Only referrers of this type. */
  artifactType: string | undefined;
  /** Lists what comes after this digest. */
  last: string;
  /** The descriptors returned have at most this many bytes as JSON, except that one is always returned. */
  maxBytes: number;
  /** Told of these bytes as they come together; may throw. */
  takes?(bytes: number): void;
}

/** Rows in memory at once, and the longest annotations (characters) that are read with them. */
const batch = 200;
const longAnnotations = 16_384;

/**
 * Manifests of a repository whose subject is `subject`, in the order of digests, whether or not the subject exists;
 * and manifests without any subject that an index under the fallback tag lists (distribution-spec "Enabling the
 * Referrers API", lesson 45), each once. `more` when the rest did not fit.
 */
export async function listReferrers(
  catalog: Catalog,
  repository: Repository,
  subject: Digest,
  { artifactType, last, maxBytes, takes = () => {} }: ReferrerOptions,
): Promise<{ referrers: Referrer[]; more: boolean }> {
  const { db } = catalog;
  // No type has one, and PostgreSQL's texts cannot.
  if (artifactType?.includes('\0')) return { referrers: [], more: false };
  const tagged = await db.first<{ digest: string }>('SELECT digest FROM tags WHERE repository_id = ? AND name = ?', [
    repository.id,
    fallbackTag(subject),
  ]);
  const type = artifactType === undefined ? [] : [artifactType];
  const bySubject = (after: string) =>
    db.all<Row>(statement('subject', type), [repository.id, subject, after, ...type]);
  const byTag = async (after: string) =>
    tagged ? db.all<Row>(statement('tag', type), [repository.id, tagged.digest, after, subject, ...type]) : [];

  const referrers: Referrer[] = [];
  let bytes = 0;
  let after = afterName(last);
  for (;;) {
    const lists = [await bySubject(after), await byTag(after)];
    // Beyond the end of a full list, the other one may not go: rows of the first would be missing between.
    const ends = lists.filter((rows) => rows.length === batch).map((rows) => rows.at(-1)!.digest);
    const end = ends.toSorted()[0];
    const rows = lists.flat().filter((row) => end === undefined || row.digest <= end);
    for (const row of rows.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
      const referrer = await descriptorOf(catalog, repository, row);
      const size = Buffer.byteLength(JSON.stringify(referrer)) + 1;
      bytes += size;
      if (bytes > maxBytes && referrers.length > 0) return { referrers, more: true };
      takes(size);
      referrers.push(referrer);
    }
    if (end === undefined) return { referrers, more: false };
    after = end;
    // SQLite answers at once: without this, nobody else would be served until the last of ten thousand is read.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A page of one list. What the tag's index lists and has a subject is in the other list, or no referrer of this one. */
function statement(list: 'subject' | 'tag', type: readonly string[]): string {
  const from =
    list === 'subject'
      ? 'manifests m WHERE m.repository_id = ? AND m.subject_digest = ? AND m.digest > ?'
      : // CROSS JOIN is SQLite's way to keep this order: first the children of the index, then their manifests.
        `manifest_references f CROSS JOIN manifests m WHERE f.repository_id = ? AND f.manifest_digest = ? AND f.digest > ?
          AND f.digest <> ? AND f.role = 'child' AND m.repository_id = f.repository_id AND m.digest = f.digest
          AND m.subject_digest IS NULL`;
  return `SELECT m.digest AS digest, m.media_type AS media_type, m.size AS size, m.artifact_type AS artifact_type,
      CASE WHEN length(m.annotations) <= ${longAnnotations} THEN m.annotations END AS annotations,
      length(m.annotations) AS annotation_length
    FROM ${from} ${type.length > 0 ? 'AND m.artifact_type = ?' : ''}
    ORDER BY ${list === 'subject' ? 'm' : 'f'}.digest LIMIT ${batch}`;
}

async function descriptorOf({ db }: Catalog, repository: Repository, row: Row): Promise<Referrer> {
  let text = row.annotations;
  if (text === null && row.annotation_length !== null) {
    // Long ones are read one at a time: many together would fill the memory.
    const whole = await db.first<{ annotations: string | null }>(
      'SELECT annotations FROM manifests WHERE repository_id = ? AND digest = ?',
      [repository.id, row.digest],
    );
    text = whole?.annotations ?? null;
  }
  return {
    mediaType: row.media_type,
    digest: row.digest,
    size: row.size,
    ...(row.artifact_type !== null && { artifactType: row.artifact_type }),
    ...(text !== null && { annotations: JSON.parse(text) as Record<string, string> }),
  };
}

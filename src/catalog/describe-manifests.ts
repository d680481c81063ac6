import { type Digest, type ManifestKind, platformsOf, type Platform } from '../oci/index.ts';
import type { Catalog, Repository } from './context.ts';
import { afterName } from './pages.ts';
import { following, type ListPosition } from './time-order.ts';
import './tables.ts';

export interface ManifestDescription {
  digest: Digest;
  mediaType: string;
  artifactType: string | undefined;
  kind: ManifestKind;
  /** ms. */
  pushedAt: number;
  /** Bytes of the blobs that it names; of an index, its own. */
  imageSize: number;
  config: { digest: Digest; mediaType: string } | undefined;
  /** The first of them by name, up to `mostTags`. */
  tags: string[];
  /** What an index lists, up to `mostChildren`. */
  children: ({ digest: Digest } & Platform)[];
}

interface Row {
  digest: Digest;
  media_type: string;
  artifact_type: string | null;
  kind: ManifestKind;
  size: number;
  pushed_at: number;
}

const select = 'SELECT digest, media_type, artifact_type, kind, size, pushed_at FROM manifests WHERE repository_id = ?';

/** Of one manifest; `describeTagsOf` has the others. */
export const mostTags = 1000;
const mostChildren = 1000;
/** As many as a manifest may have. */
const mostReferences = 10_000;
/** Tags and children of a page: once it has so many, it ends. */
const mostOfPage = 10_000;
/** Manifests whose details are read at once. */
const batch = 10;
/** Of a larger index (bytes), a list has no platforms. */
const smallIndex = 64 * 1024;

/**
 * Manifests of a repository with all that facts say of them. A page may be shorter than `limit` where its manifests have
 * thousands of tags or children: `more` says whether it goes on. By time, as `describeTags`.
 */
export async function describeManifests(
  catalog: Catalog,
  repository: Repository,
  position: ListPosition,
): Promise<{ manifests: ManifestDescription[]; more: boolean }> {
  const { db } = catalog;
  const at = await timeAt(catalog, repository, position);
  const asked = { ...position, at, limit: position.limit + 1 };
  const { text, values } = following(asked, { name: 'digest', time: 'pushed_at' });
  const rows = await db.all<Row>(`${select} ${text}`, [repository.id, ...values]);
  const page = rows.slice(0, position.limit);
  const manifests: ManifestDescription[] = [];
  let entries = 0;
  while (manifests.length < page.length && entries < mostOfPage) {
    const some = page.slice(manifests.length, manifests.length + batch);
    const described = await Promise.all(some.map((row) => describe(catalog, repository, row, smallIndex)));
    manifests.push(...described);
    for (const { tags, children } of described) entries += tags.length + children.length;
  }
  return { manifests, more: manifests.length < rows.length };
}

export async function describeManifest(
  catalog: Catalog,
  repository: Repository,
  digest: Digest,
): Promise<ManifestDescription | undefined> {
  const row = await catalog.db.first<Row>(`${select} AND digest = ?`, [repository.id, digest]);
  return row && describe(catalog, repository, row, Number.POSITIVE_INFINITY);
}

async function describe(
  { db }: Catalog,
  { id }: Repository,
  row: Row,
  mostBytes: number,
): Promise<ManifestDescription> {
  const readsBytes = row.kind === 'index' && row.size <= mostBytes;
  const [tags, references, whole] = await Promise.all([
    db.all<{ name: string }>('SELECT name FROM tags WHERE digest = ? AND repository_id = ? ORDER BY name LIMIT ?', [
      row.digest,
      id,
      mostTags,
    ]),
    db.all<{ digest: Digest; role: string; size: number; media_type: string }>(
      `SELECT digest, role, size, media_type FROM manifest_references WHERE repository_id = ? AND manifest_digest = ?
        LIMIT ?`,
      [id, row.digest, mostReferences],
    ),
    readsBytes
      ? db.first<{ bytes: Uint8Array }>('SELECT bytes FROM manifests WHERE repository_id = ? AND digest = ?', [
          id,
          row.digest,
        ])
      : undefined,
  ]);
  const platforms = whole ? platformsOf(whole.bytes) : new Map<string, Platform>();
  const config = references.find(({ role }) => role === 'config');
  const blobs = references.filter(({ role }) => role !== 'child');
  return {
    digest: row.digest,
    mediaType: row.media_type,
    artifactType: row.artifact_type ?? undefined,
    kind: row.kind,
    pushedAt: row.pushed_at,
    imageSize: row.kind === 'index' ? row.size : blobs.reduce((sum, { size }) => sum + size, 0),
    config: config && { digest: config.digest, mediaType: config.media_type },
    tags: tags.map(({ name }) => name),
    children: references
      .filter(({ role }) => role === 'child')
      .slice(0, mostChildren)
      .map(({ digest }) => ({ digest, ...platforms.get(digest) })),
  };
}

async function timeAt(
  { db }: Catalog,
  { id }: Repository,
  { order, last, at }: ListPosition,
): Promise<number | undefined> {
  if (order === 'name' || at !== undefined || last === '') return at;
  // With every column: see `describeTags`.
  return (await db.first<Row>(`${select} AND digest = ?`, [id, afterName(last)]))?.pushed_at;
}

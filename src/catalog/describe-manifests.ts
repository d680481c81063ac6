import { type Digest, type ManifestKind, platformsOf, type Platform } from '../oci/index.ts';
import type { Lockable } from './attributes.ts';
import type { Catalog, Repository } from './context.ts';
import { type Attributes, attributesOf } from './describe-locks.ts';
import { imageSizeOf } from './image-size.ts';
import { afterName } from './pages.ts';
import { isShown, readShown } from './shown.ts';
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
  /** The first of them by name, of `mostTags`, without those that are hidden. */
  tags: string[];
  /** What an index lists, up to `mostChildren`. */
  children: ({ digest: Digest } & Platform)[];
  attributes: Attributes;
}

interface Row extends Lockable {
  digest: Digest;
  media_type: string;
  artifact_type: string | null;
  kind: ManifestKind;
  size: number;
  pushed_at: number;
}

const select = `SELECT digest, media_type, artifact_type, kind, size, pushed_at, attributes, locked_until FROM manifests
  WHERE repository_id = ?`;

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
 * Manifests of a repository with all that facts say of them, without those that are hidden. A page may be shorter than `limit` where its manifests have
 * thousands of tags or children: `more` says whether it goes on. By time, as `describeTags`.
 */
export async function describeManifests(
  catalog: Catalog,
  repository: Repository,
  position: ListPosition,
): Promise<{ manifests: ManifestDescription[]; more: boolean }> {
  const { db } = catalog;
  const at = await timeAt(catalog, repository, position);
  const limit = position.limit + 1;
  const rows = await readShown<Row>(catalog.now(), limit, (row) => {
    const from = { ...position, limit, ...(row ? { last: row.digest, at: row.pushed_at } : { at }) };
    const { text, values } = following(from, { name: 'digest', time: 'pushed_at' });
    return db.all<Row>(`${select} ${text}`, [repository.id, ...values]);
  });
  const page = rows.slice(0, position.limit);
  const manifests: ManifestDescription[] = [];
  let entries = 0;
  while (manifests.length < page.length && entries < mostOfPage) {
    const some = page.slice(manifests.length, manifests.length + batch);
    const attributes = await attributesOf(catalog, repository.id, 'manifest', some.map(named));
    const described = await Promise.all(
      some.map((row, n) => describe(catalog, repository, row, attributes[n]!, smallIndex)),
    );
    manifests.push(...described);
    for (const { tags, children } of described) entries += tags.length + children.length;
    // SQLite answers without the event loop turning, and ten may name a hundred thousand layers.
    await new Promise(setImmediate);
  }
  return { manifests, more: manifests.length < rows.length };
}

export async function describeManifest(
  catalog: Catalog,
  repository: Repository,
  digest: Digest,
): Promise<ManifestDescription | undefined> {
  const row = await catalog.db.first<Row>(`${select} AND digest = ?`, [repository.id, digest]);
  if (!row) return undefined;
  const [attributes] = await attributesOf(catalog, repository.id, 'manifest', [named(row)]);
  return describe(catalog, repository, row, attributes!, Number.POSITIVE_INFINITY);
}

/** Whether a manifest is there. */
export async function hasManifest({ db }: Catalog, { id }: Repository, digest: Digest): Promise<boolean> {
  return (
    (await db.first('SELECT digest FROM manifests WHERE repository_id = ? AND digest = ?', [id, digest])) !== undefined
  );
}

const named = (row: Row) => ({ ...row, name: row.digest });

async function describe(
  { db, now }: Catalog,
  { id }: Repository,
  row: Row,
  attributes: Attributes,
  mostBytes: number,
): Promise<ManifestDescription> {
  const readsBytes = row.kind === 'index' && row.size <= mostBytes;
  const [tags, references, whole] = await Promise.all([
    db.all<Lockable & { name: string }>(
      'SELECT name, attributes, locked_until FROM tags WHERE digest = ? AND repository_id = ? ORDER BY name LIMIT ?',
      [row.digest, id, mostTags],
    ),
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
    imageSize: row.kind === 'index' ? row.size : imageSizeOf(blobs),
    config: config && { digest: config.digest, mediaType: config.media_type },
    tags: tags.filter((tag) => isShown(tag, now())).map(({ name }) => name),
    children: references
      .filter(({ role }) => role === 'child')
      .slice(0, mostChildren)
      .map(({ digest }) => ({ digest, ...platforms.get(digest) })),
    attributes,
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

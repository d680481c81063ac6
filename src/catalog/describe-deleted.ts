import type { Digest } from '../oci/index.ts';
import type { Catalog, Mover } from './context.ts';
import { storedSizeText } from './image-size.ts';
import { retentionOf } from './keep-deleted.ts';
import { afterName } from './pages.ts';
import { following, type ListPosition } from './time-order.ts';
import './tables.ts';

/** A deleted manifest that is kept. */
export interface DeletedManifest {
  digest: Digest;
  mediaType: string;
  artifactType: string | undefined;
  /** Bytes of the blobs that it names; of an index, its own. */
  imageSize: number;
  subject: Digest | undefined;
  /** Times in ms. */
  pushedAt: number;
  deletedAt: number;
  /** When it goes for good, as its registry has it now. */
  purgeAt: number;
  /** Undefined where nobody asked for it: a referrer that went after its subject. */
  by: Mover | undefined;
  /** The first of those that it had, by name. */
  tags: string[];
}

/** Tags that a list shows of one manifest. */
const mostTags = 100;
/** Manifests whose tags are read at once. */
const batch = 10;

interface Row {
  repository_id: number;
  digest: Digest;
  media_type: string;
  artifact_type: string | null;
  image_size: number;
  subject_digest: Digest | null;
  pushed_at: number;
  deleted_at: number;
  by_id: string | null;
  by_name: string | null;
}

/**
 * Deleted manifests of a repository, also of earlier ones of its name. Of one that is kept of several, the latest is shown:
 * it is what a restore brings back. By time: that of the deletion.
 */
export async function describeDeleted(
  catalog: Catalog,
  registryId: number,
  repository: string,
  position: ListPosition,
): Promise<DeletedManifest[]> {
  const { text, values } = following(position, { name: 'd.digest', time: 'd.deleted_at' });
  const rows = await catalog.db.all<Row>(
    `SELECT d.repository_id, d.digest, d.media_type, d.artifact_type, ${storedSizeText('d.image_size')} AS image_size, d.subject_digest, d.pushed_at,
        d.deleted_at, d.by_id, d.by_name
      FROM deleted_manifests d WHERE d.registry_id = ? AND d.repository = ?
        AND NOT EXISTS (SELECT 1 FROM deleted_manifests o WHERE o.registry_id = d.registry_id
          AND o.repository = d.repository AND o.digest = d.digest AND o.repository_id > d.repository_id) ${text}`,
    [registryId, repository, ...values],
  );
  const described: DeletedManifest[] = [];
  for (let at = 0; at < rows.length; at += batch) {
    const some = rows.slice(at, at + batch);
    described.push(...(await Promise.all(some.map((row) => describe(catalog, registryId, row)))));
  }
  return described;
}

async function describe(catalog: Catalog, registryId: number, row: Row): Promise<DeletedManifest> {
  const tags = await catalog.db.all<{ name: string }>(
    `SELECT name FROM deleted_tags WHERE repository_id = ? AND digest = ? AND deleted_at >= ? ORDER BY name LIMIT ${mostTags}`,
    [row.repository_id, row.digest, row.pushed_at],
  );
  return {
    digest: row.digest,
    mediaType: row.media_type,
    artifactType: row.artifact_type ?? undefined,
    imageSize: row.image_size,
    subject: row.subject_digest ?? undefined,
    pushedAt: row.pushed_at,
    deletedAt: row.deleted_at,
    purgeAt: row.deleted_at + retentionOf(catalog, registryId),
    by: row.by_id === null ? undefined : { id: row.by_id, name: row.by_name ?? row.by_id },
    tags: tags.map(({ name }) => name),
  };
}

/** A tag that went with a manifest that is kept. */
export interface DeletedTag {
  name: string;
  digest: Digest;
  /** Times in ms. */
  deletedAt: number;
  purgeAt: number;
}

/** Where a page of tags begins: behind one that was seen, as far as it is known. */
export interface DeletedTagPosition extends ListPosition {
  /** What it named: with its time it tells tags of one name apart. */
  digest?: string | undefined;
  /** Of this name alone. */
  tag?: string | undefined;
}

/**
 * Tags of deleted manifests that are kept. By name, and of one name the earliest deletion first, so that the last is the
 * one to restore; or by the time of the deletion.
 */
export async function describeDeletedTags(
  catalog: Catalog,
  registryId: number,
  repository: string,
  position: DeletedTagPosition,
): Promise<DeletedTag[]> {
  const { text, values } = position.tag === undefined ? behind(position) : named({ ...position, tag: position.tag });
  const rows = await catalog.db.all<{ name: string; digest: Digest; deleted_at: number }>(
    // With its manifest: what goes in several transactions is not shown before the last of them.
    `SELECT t.name, t.digest, t.deleted_at FROM deleted_tags t WHERE t.registry_id = ? AND t.repository = ?
        AND EXISTS (SELECT 1 FROM deleted_manifests m WHERE m.repository_id = t.repository_id AND m.digest = t.digest
          AND m.pushed_at <= t.deleted_at) ${text}`,
    [registryId, repository, ...values],
  );
  const retention = retentionOf(catalog, registryId);
  return rows.map(({ name, digest, deleted_at: deletedAt }) => {
    return { name, digest, deletedAt, purgeAt: deletedAt + retention };
  });
}

function named({ tag, at, digest, limit }: DeletedTagPosition & { tag: string }) {
  return {
    text: 'AND t.name = ? AND (t.deleted_at, t.digest) > (?, ?) ORDER BY t.deleted_at, t.digest LIMIT ?',
    values: [tag, ...(at !== undefined && digest !== undefined ? [at, afterName(digest)] : [-1, '']), limit],
  };
}

function behind({ order, last, at, digest, limit }: DeletedTagPosition) {
  const name = afterName(last);
  const isKnown = at !== undefined && digest !== undefined;
  if (order === 'name') {
    // Of a name alone, whoever asks has seen all.
    return isKnown
      ? {
          text: 'AND (t.name, t.deleted_at, t.digest) > (?, ?, ?) ORDER BY t.name, t.deleted_at, t.digest LIMIT ?',
          values: [name, at, afterName(digest), limit],
        }
      : { text: 'AND t.name > ? ORDER BY t.name, t.deleted_at, t.digest LIMIT ?', values: [name, limit] };
  }
  const [sign, direction, start] = order === 'newest' ? ['<', 'DESC', Number.MAX_SAFE_INTEGER] : ['>', 'ASC', -1];
  return {
    text: `AND (t.deleted_at, t.name, t.digest) ${sign} (?, ?, ?)
      ORDER BY t.deleted_at ${direction}, t.name ${direction}, t.digest ${direction} LIMIT ?`,
    values: isKnown ? [at, name, afterName(digest), limit] : [start, '', '', limit],
  };
}

/** Names that are read at once for somebody who may not know of all of them. */
const namesAtOnce = 1000;

/** Names of repositories of which something deleted is kept, and that somebody may know of, after `last`, in byte order. */
export async function listDeletedRepositories(
  catalog: Catalog,
  registryId: number,
  maySee: (repository: string) => boolean,
  { last, limit }: { last: string; limit: number },
): Promise<string[]> {
  const seen: string[] = [];
  for (let after = afterName(last); ;) {
    const names = await namesAfter(catalog, registryId, after, Math.min(namesAtOnce, Math.max(limit, 100)));
    for (const name of names) if (maySee(name) && seen.push(name) === limit) return seen;
    const end = names.at(-1);
    if (end === undefined) return seen;
    after = end;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

/** One look-up for each name, however much is kept of it. */
async function namesAfter({ db }: Catalog, registryId: number, last: string, limit: number): Promise<string[]> {
  const next = (after: string) => `(SELECT d.repository FROM deleted_manifests d
    WHERE d.registry_id = ? AND d.repository > ${after} ORDER BY d.repository LIMIT 1)`;
  const rows = await db.all<{ name: string }>(
    `WITH RECURSIVE named(name, n) AS (
        SELECT ${next('?')}, 1 UNION ALL SELECT ${next('named.name')}, named.n + 1 FROM named
          WHERE named.name IS NOT NULL AND named.n < ?
      ) SELECT name FROM named WHERE name IS NOT NULL`,
    [registryId, last, registryId, limit],
  );
  return rows.map(({ name }) => name).toSorted();
}

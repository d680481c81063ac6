import { RegistryError } from '../errors/index.ts';
import type { Digest } from '../oci/index.ts';
import { bit, wholeRepository } from './attributes.ts';
import { exchangeManifests } from './candidates.ts';
import type { Catalog, Mover, Repository } from './context.ts';
import { requireUnlocked } from './refuse-locked.ts';
import { readRepository } from './repositories.ts';
import { moveTags, referrersAmong } from './tags.ts';
import './tables.ts';

/** One move of a tag. */
export interface TagMove {
  /** Higher than that of every move before. */
  id: number;
  /** Where it went; undefined where it was removed. */
  digest: Digest | undefined;
  /** ms. */
  at: number;
  /** Undefined where nobody asked for it, or an older version recorded it. */
  by: Mover | undefined;
  /** Whether the manifest is still there, so that the tag can be brought back to it. */
  isThere: boolean;
}

/** Moves of a tag, the latest first, before the one that has the id `before`. Also of a tag that is gone. */
export async function listTagHistory(
  { db }: Catalog,
  repository: Repository,
  tag: string,
  { before = Number.MAX_SAFE_INTEGER, limit }: { before?: number | undefined; limit: number },
): Promise<TagMove[]> {
  const rows = await db.all<{
    id: number;
    digest: Digest | null;
    at: number;
    by_id: string | null;
    by_name: string | null;
    present: string | null;
  }>(
    `SELECT h.id, h.digest, h.at, h.by_id, h.by_name,
        (SELECT m.digest FROM manifests m WHERE m.repository_id = h.repository_id AND m.digest = h.digest) AS present
      FROM tag_history h WHERE h.repository_id = ? AND h.tag = ? AND h.id < ? ORDER BY h.id DESC LIMIT ?`,
    [repository.id, tag, before, limit],
  );
  return rows.map(({ id, digest, at, by_id, by_name, present }) => ({
    id,
    digest: digest ?? undefined,
    at,
    by: by_id === null ? undefined : { id: by_id, name: by_name ?? by_id },
    isThere: present !== null,
  }));
}

/** How far back a digest is looked for: to where the tag was last, and for one that is named. */
const looksBack = 100;
const looksFarBack = 10_000;

export interface RestoreOptions {
  /** Where it shall be; else where it was last before it was removed or moved to where it is now. */
  digest?: Digest | undefined;
  /** Also where the tag is there: it moves. */
  force?: boolean | undefined;
}

/**
 * Points a tag to where it was. MANIFEST_UNKNOWN where it was nowhere, or what it named is gone; CONFLICT where it is there
 * and names something else; DENIED where it may not move, REGISTRY_DISALLOWED_OPERATION where it or the repository is locked. Moves, records and tells as a push of that manifest would.
 */
export async function restoreTag(
  catalog: Catalog,
  repository: Repository,
  tag: string,
  { digest: wanted, force = false }: RestoreOptions = {},
): Promise<void> {
  const digest = await (wanted === undefined
    ? lastDigest(catalog, repository, tag)
    : requireKnown(catalog, repository, tag, wanted));
  await catalog.db.write(async (tx) => {
    const found = await readRepository(catalog, tx, repository.registryId, repository.name);
    // Deleted, or deleted and made anew, since it was found.
    if (found?.id !== repository.id) throw new RegistryError('NAME_UNKNOWN', { detail: { name: repository.name } });
    await requireUnlocked(catalog, tx, repository, wholeRepository, found, bit.writeEnabled);
    const manifest = await tx.first('SELECT digest FROM manifests WHERE repository_id = ? AND digest = ? FOR UPDATE', [
      repository.id,
      digest,
    ]);
    if (!manifest) {
      throw new RegistryError('MANIFEST_UNKNOWN', {
        message: `the tag named ${digest}, and that manifest was deleted since; push it again`,
        detail: { tag, digest },
      });
    }
    const left = await moveTags(catalog, tx, repository, [tag], digest, (now) => {
      if (force || now === undefined || now === digest) return true;
      throw new RegistryError('CONFLICT', {
        message: `the tag ${tag} is there and names ${now}; say force to move it`,
        detail: { tag, digest: now, wanted: digest },
      });
    });
    exchangeManifests(catalog, tx, repository, {
      dropped: [digest],
      added: await referrersAmong(tx, repository, left),
    });
  });
}

/** Where a tag was before it was removed, or moved to where it is. */
async function lastDigest({ db }: Catalog, repository: Repository, tag: string): Promise<Digest> {
  const rows = await db.all<{ digest: Digest | null }>(
    'SELECT digest FROM tag_history WHERE repository_id = ? AND tag = ? ORDER BY id DESC LIMIT ?',
    [repository.id, tag, looksBack],
  );
  const now = rows[0]?.digest ?? undefined;
  const before = rows.find(({ digest }) => digest !== null && digest !== now)?.digest;
  if (before) return before;
  // It never was elsewhere.
  if (now !== undefined) return now;
  throw new RegistryError('MANIFEST_UNKNOWN', {
    message: 'nothing is remembered of that tag; it never was there, or too long ago',
    detail: { tag },
  });
}

async function requireKnown({ db }: Catalog, repository: Repository, tag: string, digest: Digest): Promise<Digest> {
  const found = await db.first(
    `SELECT digest FROM (SELECT digest FROM tag_history WHERE repository_id = ? AND tag = ? ORDER BY id DESC LIMIT ?) AS h
      WHERE digest = ? LIMIT 1`,
    [repository.id, tag, looksFarBack, digest],
  );
  if (found) return digest;
  throw new RegistryError('MANIFEST_UNKNOWN', {
    message: 'the tag is not known to have named that manifest; its history says which it did',
    detail: { tag, digest },
  });
}

import type { Digest } from '../oci/index.ts';
import { bit, type Lockable, type Subject, wholeRepository } from './attributes.ts';
import type { Catalog } from './context.ts';
import { requireUnlocked, rowOf } from './refuse-locked.ts';
import './tables.ts';

/**
 * Throws REGISTRY_DISALLOWED_OPERATION where a lock keeps a manifest from being pulled: the repository's, the tag's, its own.
 * For the few whose row says that one of them may be locked.
 */
export async function requireReadable(
  catalog: Catalog,
  { repository_id: id, digest }: { repository_id: number; digest: Digest },
  name: string,
  reference: { tag: string } | object,
): Promise<void> {
  const { db } = catalog;
  await requireRepositoryReadable(catalog, id, name);
  const subjects: [subject: Subject, row: Promise<Lockable | undefined>][] = [
    [
      { kind: 'manifest', name: digest },
      db.first('SELECT attributes, locked_until FROM manifests WHERE repository_id = ? AND digest = ?', [id, digest]),
    ],
  ];
  if ('tag' in reference) {
    const { tag } = reference;
    const found = db.first<Lockable>('SELECT attributes, locked_until FROM tags WHERE repository_id = ? AND name = ?', [
      id,
      tag,
    ]);
    subjects.unshift([{ kind: 'tag', name: tag }, found]);
  }
  for (const [subject, found] of subjects) {
    const row = await found;
    if (row) await requireUnlocked(catalog, db, { id, name }, subject, row, bit.readEnabled);
  }
}

/** The same for a repository, of which nothing is read then, blobs either. */
export async function requireRepositoryReadable(catalog: Catalog, id: number, name: string): Promise<void> {
  const row = await rowOf(catalog.db, id);
  if (row) await requireUnlocked(catalog, catalog.db, { id, name }, wholeRepository, row, bit.readEnabled);
}

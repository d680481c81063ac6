import { listsOf, type Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import { bit, keepBits, type Lockable } from './attributes.ts';
import { addCandidates } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { forgetAttributes, followTag } from './forget-attributes.ts';
import { afterName } from './pages.ts';
import { forgetPulls } from './pulls.ts';
import { requireTakingAway, requireUnlocked } from './refuse-locked.ts';
import { readShown } from './shown.ts';
import { requireMutable } from './tag-mutability.ts';
import './tables.ts';

/** Tags of a repository after `last`, in byte order, without those that are hidden. */
export async function listTags(
  { db, now }: Catalog,
  repository: Repository,
  last: string,
  limit: number,
): Promise<string[]> {
  if (((repository.attributes ?? bit.hidden) & bit.hidden) !== 0) {
    const rows = await readShown<Lockable & { name: string }>(now(), limit, (after) =>
      db.all(
        `SELECT name, attributes, locked_until FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?`,
        [repository.id, after?.name ?? afterName(last), limit],
      ),
    );
    return rows.map((row) => row.name);
  }
  const rows = await db.all<{ name: string }>(
    'SELECT name FROM tags WHERE repository_id = ? AND name > ? ORDER BY name LIMIT ?',
    [repository.id, afterName(last), limit],
  );
  return rows.map((row) => row.name);
}

/** Whether a tag may be moved or removed, by the digest that it names (undefined: there is no such tag). */
export type TagCondition = (digest: string | undefined) => boolean;

/**
 * Points tags to a digest, with their history and events; the caller holds the manifest's row. The last writer wins,
 * and a move to where a tag is already changes nothing. Returns the digests that the tags left. Throws
 * PRECONDITION_FAILED where `condition` does not hold of a tag, REGISTRY_DISALLOWED_OPERATION where one is locked, DENIED
 * where one is immutable.
 */
export async function moveTags(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  names: readonly string[],
  digest: string,
  condition?: TagCondition,
): Promise<string[]> {
  const left: string[] = [];
  for (const name of [...new Set(names)].toSorted()) {
    const previous = await moveTag(catalog, tx, repository, name, digest, condition);
    if (previous !== undefined) left.push(previous);
  }
  return left;
}

async function moveTag(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
  digest: string,
  condition: TagCondition | undefined,
): Promise<string | undefined> {
  for (;;) {
    const at = catalog.now();
    const inserted = await tx.run(
      `INSERT INTO tags (registry_id, repository_id, name, digest, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (repository_id, name) DO NOTHING`,
      [repository.registryId, repository.id, name, digest, at, at],
    );
    const before = inserted > 0 ? undefined : await lockTag(tx, repository, name);
    // Removed between the two statements: then it is a new tag.
    if (inserted === 0 && before === undefined) continue;
    const previous = before?.digest;
    requireCondition(condition, name, previous);
    // What a locked tag names already, it may be pushed to again: nothing moves.
    if (previous === digest) return undefined;
    if (before && previous !== undefined) {
      requireMutable(catalog.tagMutability?.(repository.registryId, repository.name), name, previous);
      if (before.attributes !== 0) {
        await requireUnlocked(catalog, tx, repository, { kind: 'tag', name }, before, bit.writeEnabled);
        followTag(tx, repository, name, digest);
      }
      tx.send('UPDATE tags SET digest = ?, updated_at = ? WHERE repository_id = ? AND name = ?', [
        digest,
        at,
        repository.id,
        name,
      ]);
    }
    recordMove(catalog, tx, repository, name, digest, previous ?? null);
    return previous;
  }
}

/**
 * Removes a tag and leaves its manifest (distribution-spec "Deleting tags"). MANIFEST_UNKNOWN when missing,
 * PRECONDITION_FAILED where `condition` does not hold, REGISTRY_DISALLOWED_OPERATION where the tag or its repository is
 * locked. `evenLocked`: a tag that names nothing is no good to whoever locked it.
 */
export async function deleteTag(
  catalog: Catalog,
  repository: Repository,
  name: string,
  { condition, evenLocked = false }: { condition?: TagCondition | undefined; evenLocked?: boolean } = {},
): Promise<void> {
  await catalog.db.write(async (tx) => {
    if (!evenLocked) await requireTakingAway(catalog, tx, repository);
    const tag = await lockTag(tx, repository, name);
    if (tag === undefined) {
      throw new RegistryError('MANIFEST_UNKNOWN', { message: 'tag unknown to this repository', detail: { tag: name } });
    }
    const { digest, attributes } = tag;
    requireCondition(condition, name, digest);
    if (!evenLocked) await requireUnlocked(catalog, tx, repository, { kind: 'tag', name }, tag, keepBits);
    if (attributes !== 0) forgetAttributes(tx, repository, 'tag', [name]);
    forgetPulls(tx, repository.id, [name]);
    removeTag(catalog, tx, repository, name, digest);
    addCandidates(catalog, tx, repository, 'manifest', await referrersAmong(tx, repository, [digest]));
  });
}

function requireCondition(condition: TagCondition | undefined, tag: string, digest: string | undefined): void {
  if (condition && !condition(digest)) throw new RegistryError('PRECONDITION_FAILED', { detail: { tag, digest } });
}

/** Caller holds the tag's row, and has forgotten its attributes and pulls. */
export function removeTag(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  name: string,
  digest: string,
): void {
  tx.send('DELETE FROM tags WHERE repository_id = ? AND name = ?', [repository.id, name]);
  recordMove(catalog, tx, repository, name, null, digest);
}

type TagRow = Lockable & { digest: string };

function lockTag(tx: Transaction, repository: Repository, name: string): Promise<TagRow | undefined> {
  const text = 'SELECT digest, attributes, locked_until FROM tags WHERE repository_id = ? AND name = ? FOR UPDATE';
  return tx.first<TagRow>(text, [repository.id, name]);
}

/**
 * Which of these manifests, each of which lost a tag, may be garbage now: those with a subject, because a referrer lives
 * with its subject. Others stay until somebody deletes them. Sorted.
 */
export async function referrersAmong(
  tx: Transaction,
  repository: Repository,
  digests: readonly string[],
): Promise<string[]> {
  const found = listsOf(digests).map(({ list, values }) =>
    // Without a condition on the subject: it would lead PostgreSQL to the index of all referrers.
    tx.all<{ digest: string; subject_digest: string | null }>(
      `SELECT digest, subject_digest FROM manifests WHERE repository_id = ? AND digest IN (${list})`,
      [repository.id, ...values],
    ),
  );
  return (await Promise.all(found))
    .flat()
    .filter((manifest) => manifest.subject_digest !== null)
    .map(({ digest }) => digest)
    .toSorted();
}

function recordMove(
  { now, by }: Catalog,
  tx: Transaction,
  repository: Repository,
  tag: string,
  digest: string | null,
  previous: string | null,
): void {
  const at = now();
  tx.send(
    'INSERT INTO tag_history (registry_id, repository_id, tag, digest, at, by_id, by_name) VALUES (?, ?, ?, ?, ?, ?, ?)',
    [repository.registryId, repository.id, tag, digest, at, by?.id ?? null, by?.name ?? null],
  );
  appendEvent(tx, {
    registryId: repository.registryId,
    type: digest === null ? 'tag.deleted' : 'tag.moved',
    data: { repository: repository.name, tag, digest, previous },
    at,
  });
}

import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import type { Digest } from '../oci/index.ts';
import { type Lockable, keepBits } from './attributes.ts';
import { addCandidates, exchangeManifests } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { forgetAttributes } from './forget-attributes.ts';
import { keepManifest, keepsDeleted, keepTags } from './keep-deleted.ts';
import { forgetPulls } from './pulls.ts';
import { holderOf } from './references.ts';
import { requireTakingAway, requireUnkept, requireUnlocked } from './refuse-locked.ts';
import { removeTag } from './tags.ts';
import './tables.ts';

/** Tags that go in one transaction: builds that change nothing give thousands to one manifest, and others want to write. */
const tagsAtOnce = 500;

/**
 * Deletes a manifest and its tags, and makes candidates of what only it may have held. Of many tags some go before the
 * rest and the manifest do. MANIFEST_UNKNOWN when missing, DENIED (409) while an index of the repository lists it: deleting
 * it would break an image that was acknowledged. REGISTRY_DISALLOWED_OPERATION where a lock keeps it: its own, one of a tag
 * that names it, its repository's. `removed` is told of tags once they are gone; `evenLocked`: of a repository that is
 * deleted whole, and was asked before.
 */
export async function deleteManifest(
  catalog: Catalog,
  repository: Repository,
  digest: Digest,
  { removed, evenLocked = false }: { removed?: Removed | undefined; evenLocked?: boolean } = {},
): Promise<void> {
  for (;;) {
    const { tags, more } = await catalog.db.write((tx) => deleteStep(catalog, tx, repository, digest, evenLocked));
    removed?.(tags);
    if (!more) return;
  }
}

type Removed = (tags: readonly string[]) => void;

/** Some tags, and the manifest if those were all. */
async function deleteStep(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  digest: Digest,
  evenLocked: boolean,
): Promise<{ tags: string[]; more: boolean }> {
  const { db, sparseIndexes } = catalog;
  if (!evenLocked) await requireTakingAway(catalog, tx, repository);
  const row = tx
    .selectFrom('manifests')
    .select('attributes')
    .where('repository_id', '=', repository.id)
    .where('digest', '=', digest);
  const found = await db.forUpdate(row).executeTakeFirst();
  if (!found) throw new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
  if (!evenLocked) await requireUnkept(catalog, tx, repository, digest);
  const holder = sparseIndexes ? undefined : await holderOf(tx, repository.id, digest);
  if (holder !== undefined) {
    throw new RegistryError('DENIED', {
      status: 409,
      message: 'an index of this repository still lists the manifest; delete that index first',
      detail: { digest, manifest: holder },
    });
  }
  const tags = await removeTags(catalog, tx, repository, digest, evenLocked);
  const more = tags.length === tagsAtOnce;
  if (!more) await removeManifest(catalog, tx, repository, { digest, ...found });
  return { tags, more };
}

/** Removes some tags of a manifest, whose row the caller holds; returns which. */
async function removeTags(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  digest: string,
  evenLocked: boolean,
): Promise<string[]> {
  const tags = await tx.all<Lockable & { name: string }>(
    `SELECT name, attributes, locked_until FROM tags WHERE repository_id = ? AND digest = ? ORDER BY name
      LIMIT ${tagsAtOnce} FOR UPDATE`,
    [repository.id, digest],
  );
  for (const tag of tags) {
    if (tag.attributes === 0) continue;
    // Locked since we asked whether any of them is.
    if (!evenLocked) await requireUnlocked(catalog, tx, repository, { kind: 'tag', name: tag.name }, tag, keepBits);
    forgetAttributes(tx, repository, 'tag', [tag.name]);
  }
  for (const { name } of tags) removeTag(catalog, tx, repository, name, digest);
  const names = tags.map(({ name }) => name);
  forgetPulls(tx, repository.id, names);
  if (keepsDeleted(catalog, repository)) keepTags(catalog, tx, repository, digest, names);
  return names;
}

/** Caller holds the manifest's row, and has removed its tags. Where its registry has it so, it is kept (keep-deleted.ts). */
export async function removeManifest(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  { digest, attributes }: { digest: string; attributes: number },
  kept = keepsDeleted(catalog, repository),
): Promise<void> {
  if (attributes !== 0) forgetAttributes(tx, repository, 'manifest', [digest]);
  const released = await heldReferrers(tx, repository.id, digest);
  // What is kept keeps its links.
  if (kept) keepManifest(catalog, tx, repository, digest);
  exchangeManifests(catalog, tx, repository, { dropped: [digest], added: released });
  if (!kept) addCandidates(catalog, tx, repository, 'link', await heldLinks(tx, repository.id, digest));
  await tx
    .deleteFrom('manifest_references')
    .where('repository_id', '=', repository.id)
    .where('manifest_digest', '=', digest)
    .execute();
  await tx.deleteFrom('manifests').where('repository_id', '=', repository.id).where('digest', '=', digest).execute();
  forgetPulls(tx, repository.id, [digest]);
  appendEvent(tx, {
    registryId: repository.registryId,
    type: 'manifest.deleted',
    data: { repository: repository.name, repositoryId: repository.id, digest },
    at: catalog.now(),
  });
  addCandidates(catalog, tx, repository, 'repository', ['']);
}

/** Referrers that lose their subject with this manifest, and referrers that it lists as children. */
async function heldReferrers(tx: Transaction, repositoryId: number, digest: string): Promise<string[]> {
  const referrers = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repositoryId)
    .where('subject_digest', '=', digest)
    .execute();
  // A look-up for each child: from the other side, a join would walk all referrers of the repository.
  const children = await tx
    .selectFrom('manifest_references as f')
    .select((eb) => [
      'f.digest',
      eb
        .selectFrom('manifests as m')
        .select('m.subject_digest')
        .whereRef('m.repository_id', '=', 'f.repository_id')
        .whereRef('m.digest', '=', 'f.digest')
        .as('subject'),
    ])
    .where('f.repository_id', '=', repositoryId)
    .where('f.manifest_digest', '=', digest)
    .where('f.role', '=', 'child')
    .execute();
  const held = [...referrers, ...children.filter((child) => child.subject !== null)];
  return [...new Set(held.map((row) => row.digest))].toSorted();
}

async function heldLinks(tx: Transaction, repositoryId: number, digest: string): Promise<string[]> {
  const links = await tx
    .selectFrom('manifest_references as f')
    .innerJoin('blob_links as l', (join) =>
      join.onRef('l.repository_id', '=', 'f.repository_id').onRef('l.digest', '=', 'f.digest'),
    )
    .select('f.digest')
    .where('f.repository_id', '=', repositoryId)
    .where('f.manifest_digest', '=', digest)
    .orderBy('f.digest')
    .execute();
  return links.map((link) => link.digest);
}

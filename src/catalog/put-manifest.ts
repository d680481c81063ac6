import type { Transaction } from '../database/index.ts';
import { appendEvent } from '../events/index.ts';
import { type Digest, distinctReferences, type ManifestReference, type ParsedManifest } from '../oci/index.ts';
import { dropCandidates, exchangeManifests } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { requireReferences } from './references.ts';
import { ensureRepository } from './repositories.ts';
import { moveTags, referrersAmong, type TagCondition } from './tags.ts';
import './tables.ts';

export interface NewManifest {
  digest: Digest;
  bytes: Uint8Array;
  parsed: ParsedManifest;
  /** Tags that point to it from now on; none for a push by digest. */
  tags: readonly string[];
  /** What must be true of each tag before it moves. */
  condition?: TagCondition | undefined;
}

/**
 * Stores a manifest with its references and tags in one transaction. Throws MANIFEST_BLOB_UNKNOWN when something that
 * it needs is not in the repository, MANIFEST_INVALID when a descriptor's size is wrong, PRECONDITION_FAILED where the
 * condition does not hold of a tag.
 */
export async function putManifest(
  catalog: Catalog,
  registryId: number,
  name: string,
  manifest: NewManifest,
): Promise<void> {
  const { digest, parsed, tags, condition } = manifest;
  const references = distinctReferences(parsed);
  await catalog.db.write(async (tx) => {
    const repository = await ensureRepository(catalog, tx, registryId, name);
    const links = await requireReferences(catalog, tx, repository, parsed);
    const isNew = await storeManifest(catalog, tx, repository, manifest, references);
    const left = await moveTags(catalog, tx, repository, tags, digest, condition);
    await exchangeManifests(catalog, tx, repository, {
      // Only what was here before can have become a candidate.
      dropped: isNew ? [] : [digest],
      added: await referrersAmong(tx, repository, left),
    });
    await dropCandidates(catalog, tx, repository, 'link', links);
  });
}

/** Inserts the manifest, or locks the row that has it already; false then. */
async function storeManifest(
  { db, now }: Catalog,
  tx: Transaction,
  repository: Repository,
  { digest, bytes, parsed }: NewManifest,
  references: readonly ManifestReference[],
): Promise<boolean> {
  const at = now();
  for (;;) {
    const inserted = await tx
      .insertInto('manifests')
      .values({
        registry_id: repository.registryId,
        repository_id: repository.id,
        digest,
        media_type: parsed.mediaType,
        artifact_type: parsed.artifactType ?? null,
        kind: parsed.kind,
        size: bytes.byteLength,
        subject_digest: parsed.subject?.digest ?? null,
        annotations: parsed.annotations ? JSON.stringify(parsed.annotations) : null,
        pushed_at: at,
        bytes,
      })
      .onConflict((conflict) => conflict.columns(['repository_id', 'digest']).doNothing())
      .returning('digest')
      .executeTakeFirst();
    const row = tx
      .selectFrom('manifests')
      .select('media_type')
      .where('repository_id', '=', repository.id)
      .where('digest', '=', digest);
    const existing = inserted ? undefined : await db.forUpdate(row).executeTakeFirst();
    // Deleted between the two statements: the next insert finds nothing.
    if (!inserted && !existing) continue;
    if (existing?.media_type === parsed.mediaType) return false;
    if (inserted) await insertReferences(tx, repository, digest, references);
    else {
      // Bytes without a mediaType field that come back under another type of the same kind: nothing else differs.
      await tx
        .updateTable('manifests')
        .set({ media_type: parsed.mediaType })
        .where('repository_id', '=', repository.id)
        .where('digest', '=', digest)
        .execute();
    }
    await appendEvent(tx, {
      registryId: repository.registryId,
      type: 'manifest.pushed',
      data: { repository: repository.name, digest, mediaType: parsed.mediaType },
      at,
    });
    return inserted !== undefined;
  }
}

export async function insertReferences(
  tx: Transaction,
  repository: { id: number; registryId: number },
  digest: string,
  references: readonly ManifestReference[],
): Promise<void> {
  for (let from = 0; from < references.length; from += 500) {
    await tx
      .insertInto('manifest_references')
      .values(
        references.slice(from, from + 500).map((reference) => ({
          registry_id: repository.registryId,
          repository_id: repository.id,
          manifest_digest: digest,
          digest: reference.digest,
          role: reference.role,
          required: reference.required ? 1 : 0,
          size: reference.size,
          media_type: reference.mediaType,
        })),
      )
      .execute();
  }
}

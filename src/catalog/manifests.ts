import type { Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import type { Digest, ParsedManifest } from '../oci/index.ts';
import { addCandidates, dropCandidate, dropLinkCandidates } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { requireReferences } from './references.ts';
import { ensureRepository } from './repositories.ts';
import { moveTag } from './tags.ts';
import './tables.ts';

export interface ManifestFacts {
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
}

export interface StoredManifest extends ManifestFacts {
  bytes: Uint8Array;
}

interface FactsRow {
  digest: Digest;
  media_type: string;
  size: number;
  bytes: Uint8Array;
}

const statements = {
  digest: {
    facts: `SELECT m.digest AS digest, m.media_type AS media_type, m.size AS size FROM repositories r
      JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.registry_id = ? AND r.name = ?`,
    whole: `SELECT m.digest AS digest, m.media_type AS media_type, m.size AS size, m.bytes AS bytes FROM repositories r
      JOIN manifests m ON m.repository_id = r.id AND m.digest = ? WHERE r.registry_id = ? AND r.name = ?`,
  },
  tag: {
    facts: `SELECT m.digest AS digest, m.media_type AS media_type, m.size AS size FROM repositories r
      JOIN tags t ON t.repository_id = r.id AND t.name = ?
      JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest WHERE r.registry_id = ? AND r.name = ?`,
    whole: `SELECT m.digest AS digest, m.media_type AS media_type, m.size AS size, m.bytes AS bytes FROM repositories r
      JOIN tags t ON t.repository_id = r.id AND t.name = ?
      JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest WHERE r.registry_id = ? AND r.name = ?`,
  },
};

/** A manifest by tag or digest, in one look-up. */
export async function findManifest(
  { db }: Catalog,
  registryId: number,
  name: string,
  reference: { digest: Digest } | { tag: string },
): Promise<StoredManifest | undefined> {
  const [statement, key] =
    'digest' in reference ? [statements.digest, reference.digest] : [statements.tag, reference.tag];
  const row = await db.first<FactsRow>(statement.whole, [key, registryId, name]);
  return row && { digest: row.digest, mediaType: row.media_type, size: row.size, bytes: row.bytes };
}

/** The same without the bytes, for HEAD. */
export async function findManifestFacts(
  { db }: Catalog,
  registryId: number,
  name: string,
  reference: { digest: Digest } | { tag: string },
): Promise<ManifestFacts | undefined> {
  const [statement, key] =
    'digest' in reference ? [statements.digest, reference.digest] : [statements.tag, reference.tag];
  const row = await db.first<FactsRow>(statement.facts, [key, registryId, name]);
  return row && { digest: row.digest, mediaType: row.media_type, size: row.size };
}

export interface NewManifest {
  digest: Digest;
  bytes: Uint8Array;
  parsed: ParsedManifest;
  /** Tags that point to it from now on; none for a push by digest. */
  tags: readonly string[];
}

/**
 * Stores a manifest with its references and tags in one transaction. Throws MANIFEST_BLOB_UNKNOWN when something that
 * it needs is not in the repository, MANIFEST_INVALID when a descriptor's size is wrong.
 */
export async function putManifest(
  catalog: Catalog,
  registryId: number,
  name: string,
  manifest: NewManifest,
): Promise<void> {
  const { db, now } = catalog;
  const { digest, parsed } = manifest;
  const at = now();
  await db.write(async (tx) => {
    const repository = await ensureRepository(catalog, tx, registryId, name);
    const held = await requireReferences(catalog, tx, repository, parsed);
    const existing = await db
      .forUpdate(
        tx
          .selectFrom('manifests')
          .select('media_type')
          .where('repository_id', '=', repository.id)
          .where('digest', '=', digest),
      )
      .executeTakeFirst();
    // Bytes without a mediaType field may come back under another Content-Type; then all that follows from it is new.
    if (existing && existing.media_type !== parsed.mediaType) await removeManifest(tx, repository.id, digest);
    if (existing?.media_type !== parsed.mediaType) {
      await insertManifest(tx, repository, manifest, at);
      await appendEvent(tx, {
        registryId: repository.registryId,
        type: 'manifest.pushed',
        data: { repository: repository.name, digest, mediaType: parsed.mediaType },
        at,
      });
    }
    await dropLinkCandidates(tx, repository.id, held);
    await dropCandidate(tx, repository.id, 'manifest', digest);
    for (const tag of manifest.tags) await moveTag(catalog, tx, repository, tag, digest);
  });
}

async function insertManifest(
  tx: Transaction,
  repository: Repository,
  { digest, bytes, parsed }: NewManifest,
  at: number,
): Promise<void> {
  const scope = { registry_id: repository.registryId, repository_id: repository.id };
  await tx
    .insertInto('manifests')
    .values({
      ...scope,
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
    .execute();
  const references = [...new Map(parsed.references.map((reference) => [reference.digest, reference])).values()];
  for (let from = 0; from < references.length; from += 500) {
    await tx
      .insertInto('manifest_references')
      .values(
        references.slice(from, from + 500).map((reference) => ({
          ...scope,
          manifest_digest: digest,
          digest: reference.digest,
          role: reference.role,
          required: reference.required ? 1 : 0,
          size: reference.size,
          media_type: reference.mediaType,
        })),
      )
      .onConflict((conflict) => conflict.columns(['repository_id', 'manifest_digest', 'digest']).doNothing())
      .execute();
  }
}

/** Deletes a manifest, its tags, and makes candidates of what only it may have held. MANIFEST_UNKNOWN when missing. */
export function deleteManifest(catalog: Catalog, repository: Repository, digest: Digest): Promise<void> {
  return catalog.db.write((tx) => deleteManifestIn(catalog, tx, repository, digest));
}

export async function deleteManifestIn(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  digest: Digest,
): Promise<void> {
  const { db, now } = catalog;
  const row = tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repository.id)
    .where('digest', '=', digest);
  if (!(await db.forUpdate(row).executeTakeFirst())) {
    throw new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
  }
  const tags = await tx
    .selectFrom('tags')
    .select('name')
    .where('repository_id', '=', repository.id)
    .where('digest', '=', digest)
    .execute();
  for (const { name } of tags) await moveTag(catalog, tx, repository, name, null);
  const links = await tx
    .selectFrom('manifest_references as f')
    .innerJoin('blob_links as l', (join) =>
      join.onRef('l.repository_id', '=', 'f.repository_id').onRef('l.digest', '=', 'f.digest'),
    )
    .select('f.digest')
    .where('f.repository_id', '=', repository.id)
    .where('f.manifest_digest', '=', digest)
    .orderBy('f.digest')
    .execute();
  await addCandidates(catalog, tx, repository, 'link', links.map((link) => link.digest));
  const referrers = await tx
    .selectFrom('manifests')
    .select('digest')
    .where('repository_id', '=', repository.id)
    .where('subject_digest', '=', digest)
    .orderBy('digest')
    .execute();
  await addCandidates(catalog, tx, repository, 'manifest', referrers.map((referrer) => referrer.digest));
  await removeManifest(tx, repository.id, digest);
  await dropCandidate(tx, repository.id, 'manifest', digest);
  await appendEvent(tx, {
    registryId: repository.registryId,
    type: 'manifest.deleted',
    data: { repository: repository.name, digest },
    at: now(),
  });
}

async function removeManifest(tx: Transaction, repositoryId: number, digest: string): Promise<void> {
  await tx
    .deleteFrom('manifest_references')
    .where('repository_id', '=', repositoryId)
    .where('manifest_digest', '=', digest)
    .execute();
  await tx.deleteFrom('manifests').where('repository_id', '=', repositoryId).where('digest', '=', digest).execute();
}

import { type Parameter, placeholders, rowsOf, type Transaction } from '../database/index.ts';
import { RegistryError } from '../errors/index.ts';
import { appendEvent } from '../events/index.ts';
import { type Digest, distinctReferences, type ManifestReference, type ParsedManifest } from '../oci/index.ts';
import { bit, type Lockable } from './attributes.ts';
import { dropCandidates, exchangeManifests } from './candidates.ts';
import type { Catalog, Repository } from './context.ts';
import { dropKept } from './keep-deleted.ts';
import { requireReferences } from './references.ts';
import { requireUnlocked } from './refuse-locked.ts';
import { ensureRepository, type RepositoryRow } from './repositories.ts';
import { withinLimits } from './storage-space.ts';
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
  /** See `ensureRepository`. */
  bound?: number | undefined;
  /** Whether it is what is kept of a deleted one, which has to be there yet, and is not afterwards. */
  restores?: boolean;
}

/**
 * Stores a manifest with its references and tags in one transaction. Throws MANIFEST_BLOB_UNKNOWN when something that
 * it needs is not in the repository, MANIFEST_INVALID when a descriptor's size is wrong, PRECONDITION_FAILED where the
 * condition does not hold of a tag, REGISTRY_DISALLOWED_OPERATION where the repository, a tag that would move, or what is
 * here of the manifest is locked. MANIFEST_UNKNOWN where it restores what is not kept.
 */
export async function putManifest(
  catalog: Catalog,
  registryId: number,
  name: string,
  manifest: NewManifest,
): Promise<void> {
  const { digest, parsed, tags, condition, bound, restores = false } = manifest;
  const references = distinctReferences(parsed);
  const put = async (tx: Transaction, row: Promise<RepositoryRow | undefined>) => {
    const repository = await ensureRepository(catalog, tx, registryId, name, { found: await row, listed: true, bound });
    const [links, isNew] = await Promise.all([
      requireReferences(catalog, tx, repository, parsed),
      storeManifest(catalog, tx, repository, manifest, references),
    ]);
    const left = await moveTags(catalog, tx, repository, tags, digest, condition);
    // Where nobody ever said that what is deleted is kept, nobody need ask.
    if (restores || catalog.softDelete?.(registryId)) {
      const wasKept = await dropKept(catalog, tx, repository, digest);
      if (restores && !wasKept) throw new RegistryError('MANIFEST_UNKNOWN', { detail: { digest } });
    }
    exchangeManifests(catalog, tx, repository, {
      // Only what was here before can have become a candidate.
      dropped: isNew ? [] : [digest],
      added: await referrersAmong(tx, repository, left),
    });
    dropCandidates(tx, repository, 'link', links);
  };
  const bytes = manifest.bytes.byteLength;
  await catalog.db.write((tx) => withinLimits(catalog, tx, { registryId, name, bytes }, (row) => put(tx, row)));
}

/** Inserts the manifest, or locks the row that has it already; false then. */
async function storeManifest(
  catalog: Catalog,
  tx: Transaction,
  repository: Repository,
  { digest, bytes, parsed }: NewManifest,
  references: readonly ManifestReference[],
): Promise<boolean> {
  const at = catalog.now();
  for (;;) {
    const inserted = await tx.run(
      `INSERT INTO manifests (registry_id, repository_id, digest, media_type, artifact_type, kind, size,
          subject_digest, annotations, pushed_at, bytes)
        VALUES (${placeholders(11)}) ON CONFLICT (repository_id, digest) DO NOTHING`,
      [
        repository.registryId,
        repository.id,
        digest,
        parsed.mediaType,
        parsed.artifactType ?? null,
        parsed.kind,
        bytes.byteLength,
        parsed.subject?.digest ?? null,
        parsed.annotations ? JSON.stringify(parsed.annotations) : null,
        at,
        bytes,
      ],
    );
    const isNew = inserted > 0;
    const existing = isNew ? undefined : await lockManifest(tx, repository.id, digest);
    // Deleted between the two statements: the next insert finds nothing.
    if (!isNew && !existing) continue;
    if (existing?.media_type === parsed.mediaType) return false;
    if (isNew) insertReferences(tx, repository, digest, references);
    else {
      await requireUnlocked(catalog, tx, repository, { kind: 'manifest', name: digest }, existing!, bit.writeEnabled);
      // Bytes without a mediaType field that come back under another type of the same kind: nothing else differs.
      tx.send('UPDATE manifests SET media_type = ? WHERE repository_id = ? AND digest = ?', [
        parsed.mediaType,
        repository.id,
        digest,
      ]);
    }
    appendEvent(tx, {
      registryId: repository.registryId,
      // The push of what is held is told of when it is released (acr §4.5).
      type: catalog.quarantines?.(repository.registryId, repository.name) ? 'manifest.quarantined' : 'manifest.pushed',
      data: { repository: repository.name, digest, mediaType: parsed.mediaType },
      at,
    });
    return isNew;
  }
}

function lockManifest(tx: Transaction, repositoryId: number, digest: string) {
  return tx.first<Lockable & { media_type: string }>(
    'SELECT media_type, attributes, locked_until FROM manifests WHERE repository_id = ? AND digest = ? FOR UPDATE',
    [repositoryId, digest],
  );
}

function insertReferences(
  tx: Transaction,
  repository: Repository,
  manifest: string,
  references: readonly ManifestReference[],
): void {
  const all = references.map(({ digest, role, required, size, mediaType }) => {
    const flag = required ? 1 : 0;
    return [repository.registryId, repository.id, manifest, digest, role, flag, size, mediaType];
  });
  for (const { rows, values } of rowsOf<Parameter>(all)) {
    tx.send(
      `INSERT INTO manifest_references
          (registry_id, repository_id, manifest_digest, digest, role, required, size, media_type)
        VALUES ${rows}`,
      values,
    );
  }
}

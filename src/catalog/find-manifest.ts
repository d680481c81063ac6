import { LRUCache } from 'lru-cache';
import type { Database } from '../database/index.ts';
import type { Digest } from '../oci/index.ts';
import { pullBits } from './attributes.ts';
import { deferCandidate, isKept } from './candidates.ts';
import type { Catalog } from './context.ts';
import { requireReadable } from './require-readable.ts';
import { type ManifestFacts, recallManifest, rememberManifest, type StoredManifest } from './recent-manifests.ts';
import './tables.ts';

type Reference = { digest: Digest } | { tag: string };

interface NowRow {
  repository_id: number;
  digest: Digest;
  /** Of the repository and the tag together: 0, unless one of them was ever locked or described. */
  attributes: number;
}

interface FactsRow extends NowRow {
  media_type: string;
  size: number;
  /** Null of a large one. */
  bytes: Uint8Array<ArrayBuffer> | null;
}

/** Manifests up to this size (bytes) come with their facts. */
const small = 64 * 1024;
const bytes = `CASE WHEN m.size <= ${small} THEN m.bytes END AS bytes`;
const facts = 'm.digest AS digest, m.media_type AS media_type, m.size AS size';
/** A locked manifest is marked at its repository, so that its own row need not be read where it is known. */
const place = {
  digest: 'r.id AS repository_id, r.attributes AS attributes',
  tag: 'r.id AS repository_id, r.attributes | t.attributes AS attributes',
};
const byDigest = 'FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.digest = ?';
const tagged = 'FROM repositories r JOIN tags t ON t.repository_id = r.id AND t.name = ?';
const byTag = `${tagged}
  JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest`;
const of = 'WHERE r.registry_id = ? AND r.name = ?';

const statements = {
  digest: {
    digest: `SELECT ${place.digest}, m.digest AS digest ${byDigest} ${of}`,
    facts: `SELECT ${place.digest}, ${facts} ${byDigest} ${of}`,
    whole: `SELECT ${place.digest}, ${facts}, ${bytes} ${byDigest} ${of}`,
  },
  tag: {
    digest: `SELECT ${place.tag}, t.digest AS digest ${tagged} ${of}`,
    facts: `SELECT ${place.tag}, ${facts} ${byTag} ${of}`,
    whole: `SELECT ${place.tag}, ${facts}, ${bytes} ${byTag} ${of}`,
  },
  bytes: `SELECT m.bytes AS bytes ${byDigest} ${of}`,
  kept: `SELECT ${place.digest}, ${facts}, c.not_before AS not_before ${byDigest}
    LEFT JOIN gc_candidates c ON c.repository_id = r.id AND c.kind = 'manifest' AND c.digest = m.digest ${of}`,
};

/**
 * The bytes of large manifests that were asked for last. Hundreds of clients that pull one at the same moment would each
 * get megabytes of their own, faster than the memory of those before is given back, and for as long as they take to read
 * them: of a Blob, an answer makes no copy. A digest means the same everywhere; who may see it is asked each time.
 */
const largeBytes = new LRUCache<Digest, Blob>({
  maxSize: 32 * 1024 * 1024,
  sizeCalculation: ({ size }) => size,
});

/**
 * A manifest by tag or digest, in one look-up unless it is large or the tag has moved, and in none where it was looked up since
 * the last commit. REGISTRY_DISALLOWED_OPERATION where it, the tag or the repository must not be read.
 */
export async function findManifest(
  catalog: Catalog,
  registryId: number,
  name: string,
  reference: Reference,
): Promise<StoredManifest | undefined> {
  const { db } = catalog;
  const [statement, key] = lookUp(reference);
  const recent = await recalled(catalog, registryId, name, reference);
  if (recent !== undefined) return recent ?? undefined;
  const row = await db.first<FactsRow>(statement.whole, [key, registryId, name]);
  if (!row) return undefined;
  if ((row.attributes & pullBits) !== 0) await requireReadable(catalog, row, name, reference);
  const found = factsOf(row);
  if (!row.bytes) {
    const whole = await bytesOf(db, registryId, name, row.digest);
    return whole && { ...found, bytes: whole };
  }
  const manifest = { ...found, bytes: row.bytes };
  rememberManifest(registryId, name, key, manifest);
  return manifest;
}

/** What was pulled last, if the reference still has its digest; null if it has none any more. */
async function recalled(catalog: Catalog, registryId: number, name: string, reference: Reference) {
  const [statement, key] = lookUp(reference);
  const recent = recallManifest(registryId, name, key);
  if (!recent) return undefined;
  const { db } = catalog;
  const snapshot = db.snapshot();
  if (snapshot && recent.found?.snapshot === snapshot) return recent.found.manifest;
  const now = await db.first<NowRow>(statement.digest, [key, registryId, name]);
  if (!now) return null;
  const { manifest } = recent;
  const isSame = now.digest === manifest.digest;
  const found = { ...manifest, repositoryId: now.repository_id };
  if ((now.attributes & pullBits) !== 0) await requireReadable(catalog, now, name, reference);
  else if (snapshot && isSame) recent.found = { manifest: found, snapshot };
  return isSame ? found : undefined;
}

/** The bytes of a large one; undefined when it was deleted meanwhile. */
async function bytesOf({ first }: Database, registryId: number, name: string, digest: Digest) {
  const known = largeBytes.get(digest);
  if (known) return known;
  const found = await first<{ bytes: Uint8Array<ArrayBuffer> }>(statements.bytes, [digest, registryId, name]);
  if (!found) return undefined;
  const whole = new Blob([found.bytes]);
  largeBytes.set(digest, whole);
  return whole;
}

/** The same without the bytes. */
export async function findManifestFacts(
  catalog: Catalog,
  registryId: number,
  name: string,
  reference: Reference,
): Promise<ManifestFacts | undefined> {
  const [statement, key] = lookUp(reference);
  const recent = await recalled(catalog, registryId, name, reference);
  if (recent !== undefined) return recent ? withoutBytes(recent) : undefined;
  const row = await catalog.db.first<FactsRow>(statement.facts, [key, registryId, name]);
  if (!row) return undefined;
  if ((row.attributes & pullBits) !== 0) await requireReadable(catalog, row, name, reference);
  // Most clients ask for the digest of a tag, and then get that.
  const pulled = 'tag' in reference && recallManifest(registryId, name, row.digest);
  if (pulled) rememberManifest(registryId, name, key, pulled.manifest);
  return factsOf(row);
}

function lookUp(reference: Reference) {
  return 'digest' in reference
    ? ([statements.digest, reference.digest] as const)
    : ([statements.tag, reference.tag] as const);
}

/**
 * The facts for a client that decides by the answer whether to push it. Only where the manifest waits for collection
 * does this write: its time is pushed out. Undefined also when it was collected meanwhile. One that has a tag is safe
 * while it has it, so a look-up by tag keeps nothing.
 */
export async function findManifestToKeep(
  catalog: Catalog,
  registryId: number,
  name: string,
  reference: Reference,
): Promise<ManifestFacts | undefined> {
  if ('tag' in reference) return findManifestFacts(catalog, registryId, name, reference);
  const { db } = catalog;
  const found = await db.first<FactsRow & { not_before: number | null }>(statements.kept, [
    reference.digest,
    registryId,
    name,
  ]);
  if (found && (found.attributes & pullBits) !== 0) await requireReadable(catalog, found, name, reference);
  if (!found || isKept(catalog, found.not_before)) return found && factsOf(found);
  const kept = await db.write(async (tx) => {
    const row = tx
      .selectFrom('manifests')
      .select('digest')
      .where('repository_id', '=', found.repository_id)
      .where('digest', '=', found.digest);
    if (!(await db.forShare(row).executeTakeFirst())) return false;
    const until = catalog.now() + catalog.gcDelayMs;
    deferCandidate(tx, { id: found.repository_id }, 'manifest', found.digest, until);
    return true;
  });
  return kept ? factsOf(found) : undefined;
}

function withoutBytes({ repositoryId, digest, mediaType, size }: ManifestFacts): ManifestFacts {
  return { repositoryId, digest, mediaType, size };
}

function factsOf(row: FactsRow): ManifestFacts {
  return { repositoryId: row.repository_id, digest: row.digest, mediaType: row.media_type, size: row.size };
}

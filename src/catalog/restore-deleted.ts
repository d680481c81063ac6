import { RegistryError } from '../errors/index.ts';
import { type Digest, parseManifest } from '../oci/index.ts';
import type { Catalog } from './context.ts';
import { mountFrom } from './links.ts';
import { putManifest } from './put-manifest.ts';
import { manifestsAmong } from './relations.ts';
import { findRepository, requireBound } from './repositories.ts';
import './tables.ts';

/** How much one restore brings back: as an import does, with fewer manifests, because somebody waits for it. */
const mostManifests = 1000;
const deepest = 16;

export interface RestoreManifestOptions {
  /** The tag that names it from then on; none: it comes back without one. */
  tag?: string | undefined;
  /** Also where the tag is there and names something else: it moves. */
  force?: boolean | undefined;
  /** See `ensureRepository`. */
  bound?: number | undefined;
}

/** What is to be put again, and where its links are kept. */
interface Kept {
  repository_id: number;
  digest: Digest;
  media_type: string;
  bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Brings back a manifest that is kept as deleted (acr §4.6), and what an index lists that is kept, too. It is pushed from
 * what was kept, so that locks, limits, immutability of tags and quarantine hold as of any push, and whoever follows pushes
 * hears of it. It comes into the repository that has the name now, which is made where there is none. Returns what has come
 * back, what is listed first. MANIFEST_UNKNOWN where it is not kept, CONFLICT where the tag names something else,
 * MANIFEST_BLOB_UNKNOWN where something that it needs is gone; what `putManifest` throws.
 */
export async function restoreManifest(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
  { tag, force = false, bound }: RestoreManifestOptions = {},
): Promise<Digest[]> {
  const here = await findRepository(catalog, registryId, name);
  if (bound !== undefined) requireBound(here?.id, bound);
  const restored = await planOf(catalog, registryId, name, digest, here?.id);
  if (restored.length === 0) throw unknown(digest);
  // What it cannot become in the end need not be begun.
  if (tag !== undefined && here) {
    const text = 'SELECT digest FROM tags WHERE repository_id = ? AND name = ?';
    requireFree(tag, digest, (await catalog.db.first<{ digest: string }>(text, [here.id, tag]))?.digest, force);
  }
  for (const one of restored) {
    const kept = await readKept(catalog, registryId, name, one);
    if (!kept) throw unknown(one);
    const tags = one === digest && tag !== undefined ? [tag] : [];
    await putKept(catalog, registryId, name, kept, { tags, force, bound });
  }
  return restored;
}

/** What has to be restored, so that each comes behind what it lists; nothing where the first is not kept. */
async function planOf(
  catalog: Catalog,
  registryId: number,
  name: string,
  first: Digest,
  hereId: number | undefined,
): Promise<Digest[]> {
  const planned = new Set<Digest>();
  const missing: Digest[] = [];
  async function visit(digest: Digest, depth: number): Promise<void> {
    if (planned.has(digest)) return;
    const children = await childrenOf(catalog, registryId, name, digest);
    if (!children) return void (digest !== first && missing.push(digest));
    if (depth > deepest || planned.size >= mostManifests) throw tooMuch(first);
    const there = hereId === undefined ? new Set<Digest>() : await manifestsAmong(catalog, hereId, children);
    for (const child of children) if (!there.has(child)) await visit(child, depth + 1);
    planned.add(digest);
  }
  await visit(first, 0);
  if (missing.length > 0 && !catalog.sparseIndexes) throw incomplete(first, missing);
  return [...planned];
}

/** What a kept manifest lists; its bytes, which may be many, are let go of. Undefined where it is not kept. */
async function childrenOf(
  catalog: Catalog,
  registryId: number,
  name: string,
  digest: Digest,
): Promise<Digest[] | undefined> {
  const kept = await readKept(catalog, registryId, name, digest);
  if (!kept) return undefined;
  const { references } = parseManifest(kept.bytes, kept.media_type);
  return [...new Set(references.filter(({ role }) => role === 'child').map((child) => child.digest))];
}

/** As it is kept of the latest repository that had the name. */
function readKept({ db }: Catalog, registryId: number, name: string, digest: Digest): Promise<Kept | undefined> {
  return db.first<Kept>(
    `SELECT repository_id, digest, media_type, bytes FROM deleted_manifests
      WHERE registry_id = ? AND repository = ? AND digest = ? ORDER BY repository_id DESC LIMIT 1`,
    [registryId, name, digest],
  );
}

async function putKept(
  catalog: Catalog,
  registryId: number,
  name: string,
  { repository_id: keptIn, digest, media_type: mediaType, bytes }: Kept,
  { tags, force, bound }: { tags: readonly string[]; force: boolean; bound: number | undefined },
): Promise<void> {
  const here = await findRepository(catalog, registryId, name);
  if (here?.id !== keptIn) {
    for (const blob of await linksOf(catalog, keptIn, digest))
      await mountFrom(catalog, { id: keptIn, registryId }, registryId, name, blob, bound);
  }
  const parsed = parseManifest(bytes, mediaType);
  const condition = (now: string | undefined) => requireFree(tags[0], digest, now, force);
  try {
    await putManifest(catalog, registryId, name, { digest, bytes, parsed, tags, condition, bound, restores: true });
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'MANIFEST_BLOB_UNKNOWN') throw error;
    throw incomplete(digest, (error.detail as { missing?: Digest[] }).missing ?? []);
  }
}

/** Links of what a kept manifest named. */
async function linksOf({ db }: Catalog, repositoryId: number, digest: Digest): Promise<Digest[]> {
  const rows = await db.all<{ digest: Digest; link: string | null }>(
    `SELECT d.digest AS digest,
        (SELECT l.digest FROM blob_links l WHERE l.repository_id = d.repository_id AND l.digest = d.digest) AS link
      FROM deleted_references d WHERE d.repository_id = ? AND d.manifest_digest = ? ORDER BY d.digest`,
    [repositoryId, digest],
  );
  return rows.filter(({ link }) => link !== null).map((row) => row.digest);
}

function requireFree(tag: string | undefined, digest: Digest, now: string | undefined, force: boolean): true {
  if (force || now === undefined || now === digest) return true;
  throw new RegistryError('CONFLICT', {
    message: `the tag ${tag} is there and names ${now}; say force to move it, or restore under another tag`,
    detail: { tag, digest: now, wanted: digest },
  });
}

function unknown(digest: Digest): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', {
    message:
      'no such manifest is kept as deleted in this repository: it was never deleted, or purged, restored or pushed since',
    detail: { digest },
  });
}

function incomplete(digest: Digest, missing: readonly Digest[]): RegistryError {
  return new RegistryError('MANIFEST_BLOB_UNKNOWN', {
    message: 'the manifest cannot be restored: something that it needs is gone; push that first, or the whole again',
    detail: { digest, missing: missing.slice(0, 100) },
  });
}

function tooMuch(digest: Digest): RegistryError {
  return new RegistryError('BAD_REQUEST', {
    message: `the index lists more than ${mostManifests} deleted manifests, or lies ${deepest} deep; restore what it lists first`,
    detail: { digest },
  });
}

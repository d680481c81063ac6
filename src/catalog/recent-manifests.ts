import { LRUCache } from 'lru-cache';
import { type Digest, ownMediaType } from '../oci/index.ts';

export interface ManifestFacts {
  /** Of the repository that has it now: one that was removed and made anew has another. */
  repositoryId: number;
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
}

export interface StoredManifest extends ManifestFacts {
  /** Those of a large one are shared by all who read it. */
  bytes: Uint8Array<ArrayBuffer> | Blob;
}

interface SmallManifest extends Omit<ManifestFacts, 'repositoryId'> {
  bytes: Uint8Array<ArrayBuffer>;
}

export interface RecentManifest {
  readonly manifest: SmallManifest;
  /** What the reference was found to be the last time, and what reads saw then (`Database.snapshot`). */
  found?: { readonly manifest: StoredManifest; readonly snapshot: object };
}

/** Digest and size are in every entry, and the entry itself takes room. */
const overhead = 512;

/**
 * What was pulled last, by the reference it was asked for with. It never answers alone: the database is asked which digest
 * the reference has, unless nothing was committed since it was asked the last time, and only when that is the one that is
 * known, the rest need not be read. So nothing here can be out of date, whatever other processes do, and whose database it
 * came from does not matter.
 */
const recent = new LRUCache<string, RecentManifest>({
  maxSize: 16 * 1024 * 1024,
  sizeCalculation: ({ manifest: { size } }, key) => size + key.length + overhead,
});

/**
 * Hashes of references that were pulled once. Where each of a million tags is pulled now and then, keeping them all
 * for a moment costs more than it saves, so a manifest is kept when it is pulled again.
 */
const once = new Uint16Array(65_536);

function isAgain(key: string): boolean {
  const hash = Bun.hash.xxHash32(key);
  const again = once[hash & 0xffff] === hash >>> 16;
  once[hash & 0xffff] = hash >>> 16;
  return again;
}

/** What a tag or digest of a repository was when it was pulled last; its digest must be compared with what it is now. */
export function recallManifest(registryId: number, name: string, reference: string): RecentManifest | undefined {
  return recent.get(keyOf(registryId, name, reference));
}

/**
 * Keeps a manifest for the next pull, if its digest says all of it: one that does not name its own media type has the
 * one that it was pushed with, which may be another next time.
 */
export function rememberManifest(registryId: number, name: string, reference: string, manifest: SmallManifest): void {
  const key = keyOf(registryId, name, reference);
  if (isAgain(key) && ownMediaType(manifest.bytes) === manifest.mediaType) recent.set(key, { manifest });
}

/** Names have no colon, and no tag looks like a digest. */
const keyOf = (registryId: number, name: string, reference: string): string => `${registryId}/${name}:${reference}`;

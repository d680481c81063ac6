import type { Content } from './client.ts';
import { createRegister, type Register } from './register.ts';

export interface KnownBlob extends Content {
  present: Register<boolean>;
  /** Until then it stays though nothing references it (ms). */
  keptUntil: number;
}

export interface KnownManifest extends Content {
  present: Register<boolean>;
  blobs: KnownBlob[];
}

/** An upload that is under way, perhaps for several lives of the server. */
export interface KnownUpload {
  location: string;
  content: Content;
  /** Bytes that the server acknowledged, and bytes that it may have. */
  acknowledged: number;
  sent: number;
  /** Until when the blob is kept that a final PUT made which was sent and not answered (ms); undefined without one. */
  finishing: number | undefined;
  activeAt: number;
}

/** What one repository must and may hold. Tags may be moved by several pushers, everything else by one at a time. */
export interface KnownRepository {
  name: string;
  blobs: Map<string, KnownBlob>;
  manifests: Map<string, KnownManifest>;
  tags: Map<string, Register<string | null>>;
  uploads: Set<KnownUpload>;
}

export function createRepository(name: string): KnownRepository {
  return { name, blobs: new Map(), manifests: new Map(), tags: new Map(), uploads: new Set() };
}

export function blobOf(repository: KnownRepository, content: Content): KnownBlob {
  let blob = repository.blobs.get(content.digest);
  if (!blob) {
    blob = { ...content, present: createRegister(false), keptUntil: 0 };
    repository.blobs.set(content.digest, blob);
  }
  return blob;
}

export function tagOf(repository: KnownRepository, name: string): Register<string | null> {
  let tag = repository.tags.get(name);
  if (!tag) {
    tag = createRegister<string | null>(null);
    repository.tags.set(name, tag);
  }
  return tag;
}

/** Whether a reader must find the blob: it was acknowledged, and collection may not have taken it. */
export function mustHold(repository: KnownRepository, blob: KnownBlob, at = Date.now()): boolean {
  if (!blob.present.mustBe(true)) return false;
  if (at < blob.keptUntil) return true;
  return [...repository.manifests.values()].some(
    (manifest) => manifest.present.mustBe(true) && manifest.blobs.includes(blob),
  );
}

/**
 * Forgets what is certainly gone, so that a long run stays small. Only while nobody pushes: who has asked for a blob and is
 * about to send it goes on with the one that is forgotten here.
 */
export function forget(repository: KnownRepository): void {
  for (const [digest, manifest] of repository.manifests) {
    if (manifest.present.mustBe(false)) repository.manifests.delete(digest);
  }
  const used = new Set([...repository.manifests.values()].flatMap((manifest) => manifest.blobs));
  for (const [digest, blob] of repository.blobs) {
    if (blob.present.mustBe(false) && !used.has(blob)) repository.blobs.delete(digest);
  }
}

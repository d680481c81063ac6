import { randomBytes } from 'node:crypto';
import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../../oci/index.ts';

/*
 * The bucket, below the configured prefix:
 *
 *   id                              what the facts know this store by
 *   blobs/<upload id>-<algorithm>-<hex>
 *                                   content that one request made: a PUT, or a copy of what is in `uploads/`. It is
 *                                   made when its digest is known, so that whatever S3 carries out under this key, and
 *                                   however late, writes the same bytes
 *   blobs/<upload id>-<16 digits>   content that was made of parts, whose digest is not known when they begin. The
 *                                   digits are new for each multipart upload, and that becomes an object once at most
 *   blobs/<upload id>-<16 digits>.<algorithm>-<hex>
 *                                   empty; its name says what the object before it hashes to. It is written when that
 *                                   is there, and certain. A tag would need a right of its own, a request for each
 *                                   object that is listed, and a provider that has tags; metadata is fixed when a
 *                                   multipart upload begins
 *   uploads/<upload id>.<mark>      a state of an upload, from which it can be continued: the bytes behind the last whole
 *                                   part, and in its metadata where the parts are. Each has a key of its own, which facts
 *                                   name by its mark, so that one which is written late replaces none
 *   uploads/<upload id>.ended       empty; more may come of an upload that has ended: by this the sweep finds it
 *
 * Versions before the first release wrote `blobs/<upload id>` for both kinds, with an empty object beside it that was
 * named in the same way, and `uploads/<upload id>`, which is swept. Facts name what comes behind `blobs/`, for content of
 * parts the empty object, so that both kinds, and those, are found by the key alone.
 */

const partsPattern = /^(([0-9a-f]{32})(?:-[0-9a-f]{16})?)(?:\.(sha256|sha512)-([0-9a-f]+))?$/;
const onePattern = /^([0-9a-f]{32})-(sha256|sha512)-([0-9a-f]+)$/;
const statePattern = /^uploads\/([0-9a-f]{32})(?:\.(?:[0-9a-f]{16}|(ended)))?$/;

export const idKey = 'id';
export const contentPrefix = 'blobs/';
export const statePrefix = 'uploads/';

/** Names the object of a multipart upload that is about to begin. */
export function newPartsName(upload: string): string {
  return `${upload}-${randomBytes(8).toString('hex')}`;
}

/** The key, in facts, of content that was made of parts under this name. */
export function keyOfParts(name: string, digest: Digest): string {
  return `${name}.${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

/** The key, in facts, of content that one request makes. */
export function keyOfOne(upload: string, digest: Digest): string {
  return `${upload}-${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

/** Where the content of a key in facts lies, or that of parts under a name. */
export function contentKey(keyOrName: string): string {
  return contentPrefix + keyOrName.split('.', 1)[0]!;
}

/** What says the digest of a key in facts; the content itself where that was made by one request. */
export function nameKey(key: string): string {
  return contentPrefix + key;
}

/** Names a state that is about to be written. */
export function newMark(): string {
  return randomBytes(8).toString('hex');
}

export function stateKey(upload: string, mark: string): string {
  return `${statePrefix}${upload}.${mark}`;
}

/** What says that an upload has ended, and is to be looked at once more. */
export function endedKey(upload: string): string {
  return `${statePrefix}${upload}.ended`;
}

/** What a key below `uploads/` says; undefined for keys that this store did not give. */
export function parseState(key: string): { upload: string; ended: boolean } | undefined {
  const match = statePattern.exec(key);
  return match ? { upload: match[1]!, ended: match[2] !== undefined } : undefined;
}

/** What a key below `blobs/` says. */
export interface ContentEntry {
  /** As facts name it, where it says a digest. */
  key: string;
  upload: string;
  digest: Digest | undefined;
  /** The name of the object that has the bytes: itself, but for the empty objects. */
  content: string;
}

/** Undefined for keys that this store did not give. */
export function parseContent(objectKey: string): ContentEntry | undefined {
  const key = objectKey.slice(contentPrefix.length);
  const one = onePattern.exec(key);
  if (one) {
    const digest = parseDigest(`${one[2]}:${one[3]}`);
    return digest && { key, upload: one[1]!, digest, content: key };
  }
  const parts = partsPattern.exec(key);
  if (!parts) return undefined;
  const [, content, upload, algorithm, hex] = parts;
  const digest = algorithm === undefined ? undefined : parseDigest(`${algorithm}:${hex}`);
  if (algorithm !== undefined && !digest) return undefined;
  return { key, upload: upload!, digest, content: content! };
}

import { type Digest, digestAlgorithm, digestHex, parseDigest } from '../../oci/index.ts';

/*
 * The bucket, below the configured prefix:
 *
 *   id                              what the facts know this store by
 *   blobs/<upload id>               content; the key is chosen when the upload begins and never changes
 *   blobs/<upload id>.<algorithm>-<hex>
 *                                   empty; its name says what the object before it must hash to. A tag would need a
 *                                   right of its own, a request for each object that is listed, and a provider that has
 *                                   tags; metadata is fixed when a multipart upload begins, which is before the digest
 *                                   is known. This can be written beside the last request for the content
 *   uploads/<upload id>             an upload that can be continued: the bytes behind its last whole part, and in its
 *                                   metadata where the parts are
 */

const contentPattern = /^blobs\/([0-9a-f]{32})$/;
const namePattern = /^blobs\/(([0-9a-f]{32})\.(sha256|sha512)-([0-9a-f]{64}|[0-9a-f]{128}))$/;
const statePattern = /^uploads\/([0-9a-f]{32})$/;

export const idKey = 'id';
export const contentPrefix = 'blobs/';
export const statePrefix = 'uploads/';

export function keyOf(upload: string, digest: Digest): string {
  return `${upload}.${digestAlgorithm(digest)}-${digestHex(digest)}`;
}

/** Where the content of an upload, or of an object's key, lies. */
export function contentKey(uploadOrKey: string): string {
  return contentPrefix + uploadOrKey.split('.', 1)[0]!;
}

export function nameKey(key: string): string {
  return contentPrefix + key;
}

export function stateKey(upload: string): string {
  return statePrefix + upload;
}

export function uploadOfContent(key: string): string | undefined {
  return contentPattern.exec(key)?.[1];
}

export function uploadOfState(key: string): string | undefined {
  return statePattern.exec(key)?.[1];
}

/** What the name of an object says. */
export function parseName(key: string): { key: string; upload: string; digest: Digest } | undefined {
  const match = namePattern.exec(key);
  const digest = match && parseDigest(`${match[3]}:${match[4]}`);
  return digest ? { key: match[1]!, upload: match[2]!, digest } : undefined;
}

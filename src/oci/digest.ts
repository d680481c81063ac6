import { createHash } from 'node:crypto';
import { RegistryError } from '../errors/index.ts';

export type DigestAlgorithm = 'sha256' | 'sha512';
/** A digest that was validated: `sha256:<64 hex>` or `sha512:<128 hex>` (OCI image-spec, descriptor.md "Digests"). */
export type Digest = `${DigestAlgorithm}:${string}`;

const registered = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** The digest, or undefined when it is malformed or of an algorithm that is not supported. */
export function parseDigest(value: string): Digest | undefined {
  // The length check keeps hostile input away from the regular expression.
  return (value.length === 71 || value.length === 135) && registered.test(value) ? (value as Digest) : undefined;
}

/** The digest; throws DIGEST_INVALID with what was received, cut to a printable length. */
export function requireDigest(value: string): Digest {
  const digest = parseDigest(value);
  if (digest) return digest;
  throw new RegistryError('DIGEST_INVALID', {
    message: 'the digest is malformed; it must be sha256:<64 lowercase hex> or sha512:<128 lowercase hex>',
    detail: { digest: value.slice(0, 160) },
  });
}

/** The algorithm named by a `digest-algorithm` parameter (distribution-spec 1.2-dev), undefined when unsupported. */
export function parseAlgorithm(value: string): DigestAlgorithm | undefined {
  return value === 'sha256' || value === 'sha512' ? value : undefined;
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function digestOf(bytes: Uint8Array | string, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

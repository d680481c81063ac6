import { createHash, randomBytes } from 'node:crypto';
import type { Blob } from '../client/content.ts';

const mib = 1024 ** 2;

/** The sizes of zb, by the names that it gives them. */
export const sizes = { '1MB': mib, '10MB': 10 * mib, '100MB': 100 * mib } as const;

export type Size = keyof typeof sizes;

const headBytes = 4096;
const zeros = Buffer.alloc(mib);

/**
 * A blob as zb makes them: 4 KiB that are random, so that every run has another, and zeros. The zeros are the same
 * piece over and over, so a blob of 100 MB takes no memory, and sending it costs no reading.
 */
export function sparseBlob(size: number): Blob {
  const head = Buffer.concat([randomBytes(headBytes), zeros.subarray(headBytes)]);
  const pieces = [head, ...Array.from({ length: size / mib - 1 }, () => zeros)];
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return { digest: `sha256:${hash.digest('hex')}`, size, pieces };
}

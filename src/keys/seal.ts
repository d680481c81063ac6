import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/*
 * A sealed key is text: base64url of
 *
 *   nonce (12) | ciphertext | tag (16)
 *
 * by AES-256-GCM, under a key derived from the operator's secret, bound to the purpose and the id of the row. The nonce is
 * random: each secret seals a few thousand keys in its life at most, far from where that matters (NIST SP 800-38D §8.3).
 */

const cipher = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

export interface Sealer {
  /** Tells secrets apart, and nothing of what they are. Kept beside what they seal. */
  readonly fingerprint: string;
  seal(key: Uint8Array, boundTo: string): string;
  /** Throws an Error where it was sealed under another secret, for another row, or was changed. */
  unseal(sealed: string, boundTo: string): Buffer;
}

/** Seals under a secret that nobody can guess: it is not stretched. */
export function createSealer(secret: string): Sealer {
  const derive = (use: string, bytes: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `bonded keys ${use}`, bytes));
  const key = derive('seal', 32);
  return {
    fingerprint: derive('fingerprint', 12).toString('base64url'),
    seal(plain, boundTo) {
      const nonce = randomBytes(nonceBytes);
      const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      sealing.setAAD(Buffer.from(boundTo));
      const parts = [nonce, sealing.update(plain), sealing.final(), sealing.getAuthTag()];
      return Buffer.concat(parts).toString('base64url');
    },
    unseal(sealed, boundTo) {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < nonceBytes + tagBytes) throw new Error('a sealed key is too short');
      const opening = createDecipheriv(cipher, key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
      opening.setAAD(Buffer.from(boundTo));
      opening.setAuthTag(bytes.subarray(-tagBytes));
      return Buffer.concat([opening.update(bytes.subarray(nonceBytes, -tagBytes)), opening.final()]);
    },
  };
}

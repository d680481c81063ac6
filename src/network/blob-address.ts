import { type Digest, parseDigest } from '../oci/index.ts';

/** For how long the address of a blob at the data endpoint is good (ms): as long as ACR's are (acr §4.2). */
export const blobAddressMs = 20 * 60_000;

/** One blob, of one repository of one registry, for whoever comes by one way. */
export interface SignedBlob {
  registryId: number;
  repository: string;
  /** A repository that comes to have the name later is another one. */
  repositoryId: number;
  digest: Digest;
  /** Id of the way; see `Way`. */
  way: string;
  /** Whether it was given to somebody who gets in whatever the rules of the network say. */
  trusted: boolean;
}

export interface BlobAddresses {
  /** Path and query that open the blob until `blobAddressMs` are over. */
  sign(blob: SignedBlob): string;
  /** What a path and its query open now; undefined where that is nothing. */
  read(path: string, query: string): SignedBlob | undefined;
}

interface Options {
  /** Authenticates what is signed (HMAC-SHA256). */
  hmac(data: string): Buffer;
  equal(one: Uint8Array, other: Uint8Array): boolean;
  now(): number;
}

type Fields = [
  registryId: number,
  repositoryId: number,
  repository: string,
  digest: string,
  way: string,
  trusted: number,
  expires: number,
];

const longest = 2048;
const form = /^token=([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{43})$/;

/**
 * Signs addresses of blobs. What is signed lies in the query, which no log of ours has. Nothing of it is believed before the
 * signature has been checked, and there is one spelling of each.
 */
export function createBlobAddresses({ hmac, equal, now }: Options): BlobAddresses {
  const macOf = (payload: string) => hmac(`blob address\0${payload}`);
  return {
    sign({ registryId, repository, repositoryId, digest, way, trusted }) {
      const expires = Math.floor((now() + blobAddressMs) / 1000);
      const fields: Fields = [registryId, repositoryId, repository, digest, way, trusted ? 1 : 0, expires];
      const payload = Buffer.from(JSON.stringify(fields)).toString('base64url');
      return `/blobs/${digest}?token=${payload}.${macOf(payload).toString('base64url')}`;
    },
    read(path, query) {
      const [, payload, mac] = (query.length <= longest && form.exec(query)) || [];
      if (payload === undefined || mac === undefined) return undefined;
      const given = Buffer.from(mac, 'base64url');
      if (given.toString('base64url') !== mac || !equal(given, macOf(payload))) return undefined;
      const fields = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Fields;
      const [registryId, repositoryId, repository, text, way, trusted, expires] = fields;
      const digest = parseDigest(text);
      if (!digest || path !== `/blobs/${digest}` || expires * 1000 <= now()) return undefined;
      return { registryId, repository, repositoryId, digest, way, trusted: trusted === 1 };
    },
  };
}

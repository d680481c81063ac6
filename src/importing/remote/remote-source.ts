import { type Catalog, commitBlob, roomFor } from '../../catalog/index.ts';
import type { LinkBlob, Uploads } from '../../content/index.ts';
import { RegistryError } from '../../errors/index.ts';
import { type Digest, digestAlgorithm, digestOf, maxManifestBytes, mediaTypes, parseDigest } from '../../oci/index.ts';
import { importFailed } from '../failure.ts';
import type { ImageSource } from '../image-source.ts';
import { openBlob } from './blob-body.ts';
import { listRemoteReferrers } from './referrers.ts';
import type { RegistryClient } from './registry-client.ts';

/** All that can be stored, and what is refused by name rather than as missing. */
const accept = Object.values(mediaTypes)
  .filter((type) => type.includes('manifest') || type.includes('index'))
  .join(', ');

export interface RemoteSourceOptions {
  client: RegistryClient;
  catalog: Catalog;
  uploads: Uploads;
  repository: string;
  /** Of the sessions in which blobs arrive. */
  creator: string;
}

/** A repository of another registry. */
export function createRemoteSource({
  client,
  catalog,
  uploads,
  repository,
  creator,
}: RemoteSourceOptions): ImageSource {
  return {
    name: `${client.host}/${repository}`,

    async manifest(reference) {
      const wanted = 'digest' in reference ? reference.digest : undefined;
      const path = `manifests/${wanted ?? ('tag' in reference ? reference.tag : '')}`;
      const { status, headers, bytes } = await client.read(path, { accept, maxBytes: maxManifestBytes });
      if (status === 404) return undefined;
      if (status !== 200) throw importFailed(`${client.host} answered with ${status} for a manifest of ${repository}`);
      const said = headers.get('docker-content-digest');
      const expected = wanted ?? (said === null ? undefined : parseDigest(said));
      const digest = digestOf(bytes, expected && digestAlgorithm(expected));
      if (expected && digest !== expected) throw wrongManifest(client.host, expected, digest);
      return { digest, mediaType: headers.get('content-type') ?? '', bytes };
    },

    referrers: (subject) => listRemoteReferrers(client, repository, subject),

    async bring({ digest, size }, into, received) {
      let arrived = 0;
      const count = (bytes: number) => {
        arrived += bytes;
        received(bytes);
      };
      const room = await roomFor(catalog, into.registryId, into.repository, { digest, length: size });
      // Not a byte of what does not fit is asked for.
      if (room && room.bytes < size) throw room.refusal(size);
      const body = await openBlob(client, { digest, size }, count);
      if (!body) return false;
      try {
        const link: LinkBlob = (tx, blob) => commitBlob(catalog, tx, into.registryId, into.repository, blob);
        await uploads.put({ ...into, creator }, body, digest, link, room);
      } catch (error) {
        received(-arrived);
        // Whoever takes in a body leaves it as it is: until it ends it has one of the calls that there may be at once.
        await body.stream.cancel().catch(() => {});
        throw failureOf(error, client.host, digest);
      }
      return true;
    },
  };
}

/** Of what an upload is refused for, that which the source has to answer for. */
function failureOf(error: unknown, host: string, digest: Digest): unknown {
  if (!(error instanceof RegistryError)) return error;
  if (error.code === 'DIGEST_INVALID')
    return importFailed(`${host} has other bytes than the digest ${digest} says`, error);
  if (error.status === 408) return importFailed(`${host} sends the blob ${digest} too slowly`, error);
  // How its body ended is said by whoever has read it.
  return error.code === 'BLOB_UPLOAD_INVALID' && error.cause instanceof Error ? error.cause : error;
}

function wrongManifest(host: string, expected: Digest, actual: Digest): Error {
  return importFailed(`${host} answered with a manifest ${actual} where ${expected} was asked for`);
}

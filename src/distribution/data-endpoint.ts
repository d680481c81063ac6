import { findLinkedBlob } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { blobHeaders, sendBlob } from './blobs.ts';
import type { Distribution, Exchange } from './exchange.ts';

/**
 * Answers at the data endpoint of a registry: the blob that a signed address opens, or a part of it, and nothing else. Who has
 * the address was let in when it was made, and shows nothing here. The blob is looked up again: what is gone since is gone.
 */
export async function serveDataEndpoint(distribution: Distribution, exchange: Exchange): Promise<Response> {
  const { method, registryId } = exchange;
  exchange.route = 'blob';
  if (method !== 'GET' && method !== 'HEAD') {
    throw new RegistryError('UNSUPPORTED', {
      message: 'this host serves blobs alone; push to the login server',
      headers: { Allow: 'GET, HEAD' },
    });
  }
  const named = distribution.dataEndpoint?.read(exchange);
  if (!named) {
    throw new RegistryError('DENIED', {
      message:
        'this host serves blobs by addresses that the login server gives out, each for some minutes and by one way into ' +
        'the registry; ask there for the blob again',
    });
  }
  const { repository, repositoryId, digest } = named;
  const blob = await findLinkedBlob(distribution.catalog, registryId, repository, digest);
  if (blob?.repositoryId !== repositoryId) throw new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
  if (method === 'HEAD') {
    return new Response(null, { headers: { ...blobHeaders(digest), 'Content-Length': String(blob.size) } });
  }
  const isGuarded = distribution.admission(registryId, repository)?.guardsBlobs;
  return sendBlob(distribution, exchange, blob, digest, () => undefined, isGuarded);
}

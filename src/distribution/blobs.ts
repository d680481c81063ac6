import { deleteBlob, findBlobToKeep, findLinkedBlob, findRepository } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { parseRange, requireDigest } from '../oci/index.ts';
import { isNotModified, rangeApplies } from './conditions.ts';
import type { Distribution, Exchange } from './exchange.ts';

type BlobRoute = { name: string; digest: string };

/** GET: the bytes, or a part of them, straight from the store. */
export async function getBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const blob = await findLinkedBlob(distribution.catalog, exchange.registryId, route.name, digest);
  if (!blob) throw await unknownBlob(distribution, exchange, route);
  const headers = blobHeaders(digest);
  if (isNotModified(exchange.request, digest)) return new Response(null, { status: 304, headers });
  const asked = exchange.request.headers.get('range');
  const range = asked === null || !rangeApplies(exchange.request, digest) ? undefined : parseRange(asked, blob.size);
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', {
      message: `the blob has ${blob.size} bytes; the range lies outside them`,
      detail: { size: blob.size },
      headers: { 'Content-Range': `bytes */${blob.size}` },
    });
  }
  if (!range) {
    distribution.served(blob.size);
    if (blob.size === 0) return new Response('', { headers });
    // Bun answers a Range by itself where a file is sent whole. One byte more than there is, and it does not: what our
    // parser ignores stays ignored.
    return new Response(distribution.blobs.read(blob.key, 0, asked === null ? blob.size - 1 : blob.size), { headers });
  }
  distribution.served(range.end - range.start + 1);
  headers['Content-Range'] = `bytes ${range.start}-${range.end}/${blob.size}`;
  return new Response(distribution.blobs.read(blob.key, range.start, range.end), { status: 206, headers });
}

/** HEAD: from facts alone. The answer tells a pusher that it need not upload, so the blob is kept from now on. */
export async function headBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const blob = await findBlobToKeep(distribution.catalog, exchange.registryId, route.name, digest);
  if (!blob) throw await unknownBlob(distribution, exchange, route);
  const headers = blobHeaders(digest);
  if (isNotModified(exchange.request, digest)) return new Response(null, { status: 304, headers });
  headers['Content-Length'] = String(blob.size);
  return new Response(null, { headers });
}

export async function removeBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const repository = await findRepository(distribution.catalog, exchange.registryId, route.name);
  if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name: route.name } });
  await deleteBlob(distribution.catalog, repository, digest);
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

function blobHeaders(digest: string): Record<string, string> {
  return {
    'Content-Type': 'application/octet-stream',
    // Content is whatever someone pushed: no browser may render it, and Bun's own header would name the file.
    'Content-Disposition': 'attachment',
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'private, max-age=31536000, immutable',
  };
}

async function unknownBlob(
  { catalog }: Distribution,
  { registryId }: Exchange,
  { name, digest }: BlobRoute,
): Promise<RegistryError> {
  const repository = await findRepository(catalog, registryId, name);
  return repository
    ? new RegistryError('BLOB_UNKNOWN', { detail: { digest } })
    : new RegistryError('NAME_UNKNOWN', { detail: { name } });
}

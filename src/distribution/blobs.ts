import { deleteBlob, findBlobToKeep, findLinkedBlob, findRepository, type LinkedBlob } from '../catalog/index.ts';
import { type BlobBody, ObjectMissing } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import { type Digest, parseRange, requireDigest } from '../oci/index.ts';
import { requireSame } from './caller.ts';
import { isNotModified, rangeApplies } from './conditions.ts';
import type { Distribution, Exchange } from './exchange.ts';

type BlobRoute = { name: string; digest: string };

/** GET: the bytes, or a part of them, straight from the store; or where the store gives them itself. */
export async function getBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const blob = await findLinkedBlob(distribution.catalog, exchange.registryId, route.name, digest);
  if (!blob) throw await unknownBlob(distribution, exchange, route);
  requireSame(exchange, route.name, blob.repositoryId);
  // Before anybody is sent elsewhere for it.
  const door = distribution.admission(exchange.registryId, route.name);
  const admission = door?.admitBlob(exchange, { repositoryId: blob.repositoryId, digest });
  if (admission) await admission;
  const address = () => addressOf(distribution, exchange, route, blob, digest);
  return sendBlob(distribution, exchange, blob, digest, address, door?.guardsBlobs);
}

/** A blob that somebody may read, or where they find it. */
export async function sendBlob(
  distribution: Distribution,
  exchange: Pick<Exchange, 'registryId' | 'request'>,
  blob: LinkedBlob,
  digest: Digest,
  addressElsewhere: () => string | undefined | Promise<string | undefined>,
  isGuarded = false,
): Promise<Response> {
  const { request } = exchange;
  const headers = blobHeaders(digest, isGuarded ? uncached : undefined);
  if (isNotModified(request, digest)) return new Response(null, { status: 304, headers });
  const asked = request.headers.get('range');
  const range = asked === null || !rangeApplies(request, digest) ? undefined : parseRange(asked, blob.size);
  if (range === 'unsatisfiable') {
    throw new RegistryError('RANGE_INVALID', {
      message: `the blob has ${blob.size} bytes; the range lies outside them`,
      detail: { size: blob.size },
      headers: { 'Content-Range': `bytes */${blob.size}` },
    });
  }
  if (blob.size === 0) return new Response('', { headers });
  const address = await addressElsewhere();
  if (address !== undefined) return elsewhere(address, digest);
  const { start, end } = range ?? { start: 0, end: blob.size - 1 };
  const limited = distribution.limits.transfer(exchange);
  const release = limited && (await limited.begin());
  let body: BlobBody;
  try {
    body = await bodyOf(distribution, digest, blob.key, start, end);
  } catch (error) {
    release?.();
    throw error;
  }
  distribution.served(end - start + 1);
  if (release) body = limited.send(body, release);
  if (range) {
    headers['Content-Range'] = `bytes ${start}-${end}/${blob.size}`;
    return new Response(body, { status: 206, headers });
  }
  // Bun answers a Range by itself where a file is sent whole. One byte more than there is, and it does not: what our
  // parser ignores stays ignored.
  if (asked !== null && body instanceof Blob) body = await bodyOf(distribution, digest, blob.key, 0, blob.size);
  return new Response(body, { headers });
}

/** At the data endpoint of the registry, where it has one; else in the storage, where that may be asked. */
function addressOf(
  { blobs, redirects, dataEndpoint }: Distribution,
  exchange: Exchange,
  { name }: BlobRoute,
  { key, repositoryId }: LinkedBlob,
  digest: Digest,
) {
  const address = dataEndpoint?.addressOf(exchange, { repository: name, repositoryId, digest });
  if (address !== undefined) return address;
  return redirects(exchange.request.headers.get('user-agent') ?? '') ? blobs.address(key) : undefined;
}

async function bodyOf(
  { blobs, missing }: Distribution,
  digest: Digest,
  key: string,
  start: number,
  end: number,
): Promise<BlobBody> {
  try {
    return await blobs.read(key, start, end);
  } catch (error) {
    if (error instanceof ObjectMissing) missing(digest, key);
    throw error;
  }
}

/** The storage itself answers. The address opens the blob to whoever has it, and not for long. */
function elsewhere(address: string, digest: Digest): Response {
  const headers = {
    Location: address,
    'Docker-Content-Digest': digest,
    'Cache-Control': 'no-store',
    'Content-Length': '0',
  };
  return new Response(null, { status: 307, headers });
}

/** HEAD: from facts alone. The answer tells a pusher that it need not upload, so the blob is kept from now on. */
export async function headBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const blob = await findBlobToKeep(distribution.catalog, exchange.registryId, route.name, digest);
  if (!blob) throw await unknownBlob(distribution, exchange, route);
  requireSame(exchange, route.name, blob.repositoryId);
  const headers = blobHeaders(digest);
  if (isNotModified(exchange.request, digest)) return new Response(null, { status: 304, headers });
  headers['Content-Length'] = String(blob.size);
  return new Response(null, { headers });
}

export async function removeBlob(distribution: Distribution, exchange: Exchange, route: BlobRoute): Promise<Response> {
  const digest = requireDigest(route.digest);
  const repository = await findRepository(distribution.catalog, exchange.registryId, route.name);
  if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name: route.name } });
  requireSame(exchange, route.name, repository.id);
  await deleteBlob(distribution.catalog, repository, digest);
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

/** What was let out a moment ago may be refused now: no cache keeps it. */
const uncached = 'private, no-store';

export function blobHeaders(digest: string, caching = 'private, max-age=31536000, immutable'): Record<string, string> {
  return {
    'Content-Type': 'application/octet-stream',
    // Content is whatever someone pushed: no browser may render it, and Bun's own header would name the file.
    'Content-Disposition': 'attachment',
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Accept-Ranges': 'bytes',
    'Cache-Control': caching,
  };
}

async function unknownBlob(
  { catalog }: Distribution,
  exchange: Exchange,
  { name, digest }: BlobRoute,
): Promise<RegistryError> {
  const repository = await findRepository(catalog, exchange.registryId, name);
  if (!repository) return new RegistryError('NAME_UNKNOWN', { detail: { name } });
  requireSame(exchange, name, repository.id);
  return new RegistryError('BLOB_UNKNOWN', { detail: { digest } });
}

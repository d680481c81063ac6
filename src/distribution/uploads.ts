import {
  commitBlob,
  findBlobToKeep,
  findRepository,
  isOverLimit,
  mountBlob,
  requireWritable,
  roomFor,
} from '../catalog/index.ts';
import type { LinkBlob, UploadBody, UploadOwner, UploadSession } from '../content/index.ts';
import { RegistryError } from '../errors/index.ts';
import {
  type ByteRange,
  type Digest,
  type DigestAlgorithm,
  digestAlgorithm,
  isRepositoryName,
  parseAlgorithm,
  parseContentRange,
  requireDigest,
} from '../oci/index.ts';
import { callerOf, requireSame } from './caller.ts';
import type { Distribution, Exchange } from './exchange.ts';

type UploadRoute = { name: string; id: string };

/** POST: mounts, takes a whole blob, or opens a session (distribution-spec "Pushing blobs", "Mounting"). */
export async function startUpload(
  distribution: Distribution,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  const { catalog, uploads } = distribution;
  const { registryId } = exchange;
  const query = new URLSearchParams(exchange.query);
  const mount = query.get('mount');
  const wanted = query.get('digest');
  const mountDigest = mount === null ? undefined : requireDigest(mount);
  const digest = wanted === null ? undefined : requireDigest(wanted);
  const algorithm = algorithmOf(query, digest);
  const bound = callerOf(exchange).boundTo(name);
  if (mountDigest) {
    const from = query.get('from') ?? undefined;
    const mayTake = takerOf(distribution, exchange, from);
    const possible = from === undefined || (isRepositoryName(from) && mayTake(from));
    const admitted = possible && (from === undefined || (await isLetOut(distribution, exchange, from, mountDigest)));
    const mounted = admitted && (await mountBlob(catalog, registryId, name, mountDigest, from, mayTake, bound));
    if (mounted) return created(name, mountDigest);
  }
  const owner = ownerOf(exchange, { name });
  const isWhole = digest && !mountDigest;
  const body = isWhole ? bodyOf(distribution, exchange) : undefined;
  const known = isWhole ? { digest, viewer: callerOf(exchange), length: body?.length } : { length: 0 };
  const room = await roomFor(catalog, registryId, name, known);
  if (!isWhole) {
    if (room?.bytes === 0) throw room.refusal(0);
    const id = await openUpload(distribution, owner, algorithm);
    return new Response(null, { status: 202, headers: { ...sessionHeaders(name, id, 0), 'Content-Length': '0' } });
  }
  await requireWritable(catalog, registryId, name);
  exchange.untimed();
  const link: LinkBlob = (tx, closed) => commitBlob(catalog, tx, registryId, name, closed, bound);
  const blob = await asTransfer(distribution, exchange, () => uploads.put(owner, body, digest, link, room));
  distribution.received(blob.size);
  return created(name, digest);
}

/** From where somebody may take a blob. Where it was not named, not from where it is not sure to be let out. */
function takerOf(distribution: Distribution, exchange: Exchange, from: string | undefined) {
  const { mayPull } = callerOf(exchange);
  return (repository: string, id?: number) =>
    mayPull(repository, id) &&
    (from !== undefined || distribution.admission(exchange.registryId, repository) === undefined);
}

/** Whether a blob may go to another repository: an image that is denied does not get out by being put together anew. */
async function isLetOut(
  distribution: Distribution,
  exchange: Exchange,
  from: string,
  digest: Digest,
): Promise<boolean> {
  const door = distribution.admission(exchange.registryId, from);
  if (!door) return true;
  const source = await findRepository(distribution.catalog, exchange.registryId, from);
  return source !== undefined && door.mayTake(exchange, { repositoryId: source.id, digest });
}

/** Opens a session. Nothing need be sent to a repository that takes nothing: both are asked together, and one is undone. */
async function openUpload(
  { catalog, uploads }: Distribution,
  owner: UploadOwner,
  algorithm: DigestAlgorithm,
): Promise<string> {
  const [writable, opened] = await Promise.allSettled([
    requireWritable(catalog, owner.registryId, owner.repository),
    uploads.open(owner, algorithm),
  ]);
  if (opened.status === 'rejected') throw opened.reason;
  if (writable.status === 'fulfilled') return opened.value;
  await uploads.cancel(opened.value, owner);
  throw writable.reason;
}

/** PATCH: appends a chunk, or a stream without Content-Range. */
export function patchUpload(distribution: Distribution, exchange: Exchange, route: UploadRoute): Promise<Response> {
  return asTransfer(distribution, exchange, () => appendChunk(distribution, exchange, route));
}

function appendChunk(distribution: Distribution, exchange: Exchange, route: UploadRoute): Promise<Response> {
  return holdWithin(distribution, exchange, route, async (session) => {
    const range = chunkRange(exchange, route, session);
    const body = bodyOf(distribution, exchange, range);
    const wanted = wantedOf(exchange, session, body);
    const room = await roomFor(distribution.catalog, exchange.registryId, route.name, wanted);
    exchange.untimed();
    const from = range?.start ?? session.offset;
    const offset = await session.append(body, range?.start, room);
    distribution.received(offset - from);
    return new Response(null, {
      status: 202,
      headers: { ...sessionHeaders(route.name, route.id, offset), 'Content-Length': '0' },
    });
  });
}

/** PUT: takes what is left, checks the digest, and makes the blob. */
export async function finishUpload(
  distribution: Distribution,
  exchange: Exchange,
  route: UploadRoute,
): Promise<Response> {
  const wanted = new URLSearchParams(exchange.query).get('digest');
  if (wanted === null) {
    throw new RegistryError('DIGEST_INVALID', { message: 'the digest parameter is missing; repeat the PUT with it' });
  }
  const digest = requireDigest(wanted);
  const bound = callerOf(exchange).boundTo(route.name);
  const finish = async (session: UploadSession) => {
    const range = chunkRange(exchange, route, session);
    if (range && range.start !== session.offset) throw outOfOrder(route, session.offset, range.start);
    exchange.untimed();
    const from = session.offset;
    const { catalog } = distribution;
    const { registryId } = exchange;
    const body = bodyOf(distribution, exchange, range);
    // Where all of it has come before, the commit says whether it fits.
    const room = body && (await roomFor(catalog, registryId, route.name, wantedOf(exchange, session, body, digest)));
    const link: LinkBlob = (tx, closed) => commitBlob(catalog, tx, registryId, route.name, closed, bound);
    const blob = await session.close(body, digest, link, room);
    distribution.received(blob.size - from);
  };
  try {
    await asTransfer(distribution, exchange, () => holdWithin(distribution, exchange, route, finish));
  } catch (error) {
    // A client that repeats a PUT, because the node that did it died before it answered, finds what it asked for.
    if (!(error instanceof RegistryError) || error.code !== 'BLOB_UPLOAD_UNKNOWN') throw error;
    const blob = await findBlobToKeep(distribution.catalog, exchange.registryId, route.name, digest);
    if (!blob) throw error;
    requireSame(exchange, route.name, blob.repositoryId);
  }
  return created(route.name, digest);
}

/** Works on a session. One that a storage limit leaves no room for ends, with its bytes: nobody could finish it. */
async function holdWithin<T>(
  { uploads }: Distribution,
  exchange: Exchange,
  route: UploadRoute,
  action: (session: UploadSession) => Promise<T>,
): Promise<T> {
  const owner = ownerOf(exchange, route);
  try {
    return await uploads.hold(route.id, owner, action);
  } catch (error) {
    // Where this fails, the sweep takes it.
    if (isOverLimit(error)) await uploads.cancel(route.id, owner).catch(() => {});
    throw error;
  }
}

export async function uploadStatus(
  { uploads }: Distribution,
  exchange: Exchange,
  route: UploadRoute,
): Promise<Response> {
  const session = await uploads.find(route.id, ownerOf(exchange, route));
  return new Response(null, { status: 204, headers: sessionHeaders(route.name, route.id, session.offset) });
}

export async function cancelUpload(
  { uploads }: Distribution,
  exchange: Exchange,
  route: UploadRoute,
): Promise<Response> {
  await uploads.cancel(route.id, ownerOf(exchange, route));
  return new Response(null, { status: 204 });
}

/** The whole blob that a session becomes with this body. */
function wantedOf(exchange: Exchange, { offset }: UploadSession, body: UploadBody | undefined, digest?: Digest) {
  const length = body?.length === undefined ? undefined : offset + body.length;
  return { digest, viewer: callerOf(exchange), length };
}

function ownerOf(exchange: Exchange, { name }: { name: string }): UploadOwner {
  const { id: creator, endedAt: begunBefore } = callerOf(exchange);
  return { registryId: exchange.registryId, repository: name, creator, begunBefore };
}

function algorithmOf(query: URLSearchParams, digest: Digest | undefined) {
  const named = query.get('digest-algorithm');
  if (named === null) return digest ? digestAlgorithm(digest) : 'sha256';
  const algorithm = parseAlgorithm(named);
  if (algorithm) return algorithm;
  throw new RegistryError('DIGEST_INVALID', {
    message: 'the digest algorithm is not supported; use sha256 or sha512',
    detail: { algorithm: named.slice(0, 64) },
  });
}

/** Where a chunk says that it lies, checked against the session and against its own length. */
function chunkRange(
  exchange: Exchange,
  route: UploadRoute,
  { offset, brokeOff }: UploadSession,
): ByteRange | undefined {
  const { headers, body } = exchange.request;
  const header = headers.get('content-range');
  const range = parseContentRange(header);
  if (range === undefined) return undefined;
  if (range === 'invalid') {
    throw new RegistryError('RANGE_INVALID', {
      message: 'Content-Range must be <first byte>-<last byte>',
      detail: { expected: offset, contentRange: header!.slice(0, 96) },
      headers: sessionHeaders(route.name, route.id, offset),
    });
  }
  const length = headers.get('content-length') ?? (body ? null : '0');
  if (length !== null && Number(length) !== range.end - range.start + 1) {
    throw new RegistryError('SIZE_INVALID', {
      message: 'Content-Length and Content-Range give different lengths',
      detail: { contentLength: Number(length), contentRange: range.end - range.start + 1 },
      headers: sessionHeaders(route.name, route.id, offset),
    });
  }
  // Some clients begin anew at 0 after a broken connection (lesson 3); at any other time that is out of order.
  if (range.start !== offset && !(range.start === 0 && brokeOff)) throw outOfOrder(route, offset, range.start);
  return range;
}

/**
 * An empty body is none at all, so that a digest which is known already need not be computed again. The length of a
 * chunk that comes without Content-Length is that of its Content-Range.
 */
function bodyOf({ limits }: Distribution, exchange: Exchange, range?: ByteRange): UploadBody | undefined {
  const { request, registryId } = exchange;
  if (!hasBody(request)) return undefined;
  const length = request.headers.get('content-length');
  const promised = range && range.end - range.start + 1;
  return {
    stream: request.body!,
    length: length === null ? promised : Number(length),
    maxBytes: limits.largestBlob(registryId),
    pace: limits.transfer(exchange)?.receive,
  };
}

const hasBody = ({ body, headers }: Request) => body !== null && headers.get('content-length') !== '0';

/** Has a body among the transfers of the registry while `receive` takes it in, where its tier counts them. */
async function asTransfer<T>({ limits }: Distribution, exchange: Exchange, receive: () => Promise<T>): Promise<T> {
  const limited = hasBody(exchange.request) ? limits.transfer(exchange) : undefined;
  if (!limited) return receive();
  exchange.untimed();
  const release = await limited.begin();
  try {
    return await receive();
  } finally {
    release();
  }
}

function outOfOrder(route: UploadRoute, offset: number, start: number): RegistryError {
  return new RegistryError('RANGE_INVALID', {
    message: 'the chunk does not begin where the upload ends; continue from the offset in the Range header',
    detail: { expected: offset, received: start },
    headers: sessionHeaders(route.name, route.id, offset),
  });
}

function sessionHeaders(name: string, id: string, offset: number): Record<string, string> {
  return {
    Location: `/v2/${name}/blobs/uploads/${id}`,
    Range: `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID': id,
  };
}

function created(name: string, digest: Digest): Response {
  const headers = {
    Location: `/v2/${name}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
    'Content-Length': '0',
  };
  return new Response(null, { status: 201, headers });
}

import { describeManifest, findRepository, purgeManifest, restoreManifest } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { isTag, maxManifestBytes, requireDigest } from '../oci/index.ts';
import { askerOf, type Attributes, type Exchange } from './exchange.ts';
import { requireBoundName } from './list-deleted.ts';
import { renderManifest, sourceOf } from './render.ts';

type DeletedRoute = { name: string; digest: string };

const mostBytes = 4096;

/**
 * `POST /acr/v1/_deleted/{name}/_manifests/{digest}?force=`: brings a deleted manifest back, with what it lists. The body may
 * have the `tag` that names it then. Names all that has come back (`restored`, ours).
 */
export async function restoreDeleted(
  attributes: Attributes,
  exchange: Exchange,
  { name, digest: reference }: DeletedRoute,
): Promise<Response> {
  const digest = requireDigest(reference);
  const force = forceOf(exchange.query);
  const tag = tagOf(await exchange.bytes(mostBytes));
  await requireBoundName(attributes, exchange, name);
  const { by, boundTo } = askerOf(exchange);
  // What is restored is in memory, one manifest at a time.
  using share = attributes.listMemory.share();
  share.take(maxManifestBytes);
  exchange.untimed();
  const catalog = { ...attributes.catalog, by };
  const options = { tag, force, bound: boundTo(name) };
  const restored = await restoreManifest(catalog, exchange.registryId, name, digest, options);
  const repository = await findRepository(catalog, exchange.registryId, name);
  const manifest = repository && (await describeManifest(catalog, repository, digest));
  return Response.json({
    ...sourceOf(exchange, name),
    ...(tag !== undefined && { tag }),
    ...(manifest && { manifest: renderManifest(manifest) }),
    restored,
  });
}

/** `DELETE /acr/v1/_deleted/{name}/_manifests/{digest}`, ours: it cannot be restored any more. */
export async function purgeDeleted(
  attributes: Attributes,
  exchange: Exchange,
  { name, digest: reference }: DeletedRoute,
): Promise<Response> {
  const digest = requireDigest(reference);
  await requireBoundName(attributes, exchange, name);
  await purgeManifest(attributes.catalog, exchange.registryId, name, digest);
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

/** As clients write it: `az` sends `True` and `False`. */
function forceOf(query: string): boolean {
  const force = (new URLSearchParams(query).get('force') ?? '').toLowerCase();
  if (force === 'true') return true;
  if (force === 'false' || force === '') return false;
  throw new RegistryError('BAD_REQUEST', {
    message: 'force must be true or false',
    detail: { force: force.slice(0, 32) },
  });
}

/** The body, which may be empty. */
function tagOf(bytes: Uint8Array): string | undefined {
  if (bytes.byteLength === 0) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw malformed();
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw malformed();
  const { tag, ...unknown } = body as Record<string, unknown>;
  const wrong = Object.keys(unknown)[0];
  if (wrong !== undefined) throw malformed(wrong);
  // az sends null for an image that is named by its digest alone.
  if (tag === undefined || tag === null || tag === '') return undefined;
  if (typeof tag !== 'string') throw malformed('tag');
  if (!isTag(tag)) throw new RegistryError('TAG_INVALID', { detail: { tag: tag.slice(0, 160) } });
  return tag;
}

function malformed(field?: string): RegistryError {
  return new RegistryError('BAD_REQUEST', {
    message: 'the body is a JSON object; it may have "tag", the tag that names the manifest once it is restored',
    ...(field !== undefined && { detail: { field: field.slice(0, 64) } }),
  });
}

import {
  deleteManifest,
  deleteTag,
  findManifest,
  findManifestFacts,
  findManifestToKeep,
  findRepository,
  type ManifestFacts,
  putManifest,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import {
  type Digest,
  digestAlgorithm,
  digestOf,
  isFallbackTag,
  isTag,
  parseAlgorithm,
  parseDigest,
  parseManifest,
} from '../oci/index.ts';
import { callerOf, requireSame } from './caller.ts';
import { isNotModified, tagCondition } from './conditions.ts';
import type { Distribution, Exchange } from './exchange.ts';
import { readManifestBody } from './manifest-body.ts';

type ManifestRoute = { name: string; reference: string };
type Reference = { digest: Digest } | { tag: string };

/** Most tags of one push (distribution-spec 1.2-dev: at least 10). */
const maxTags = 100;

export async function getManifest(
  distribution: Distribution,
  exchange: Exchange,
  route: ManifestRoute,
): Promise<Response> {
  const reference = referenceOf(route);
  let manifest = await findManifest(distribution.catalog, exchange.registryId, route.name, reference);
  if (!manifest) throw await unknownManifest(distribution, exchange, route);
  requireSame(exchange, route.name, manifest.repositoryId);
  // A client that has it already and asks whether it is still the same uses it as well.
  const tag = 'tag' in reference ? reference.tag : undefined;
  const door = distribution.admission(exchange.registryId, route.name);
  const admission = door?.admit(exchange, manifest, tag);
  const admitted = admission instanceof Promise ? await admission : admission;
  if (admitted?.instead) {
    const digest = admitted.instead;
    manifest = await findManifest(distribution.catalog, exchange.registryId, route.name, { digest });
    if (!manifest) throw await unknownManifest(distribution, exchange, route);
  }
  distribution.pulls.pulled(exchange, manifest.repositoryId, manifest.digest, tag);
  const headers = manifestHeaders(manifest, door && uncached);
  if (admitted?.decision) headers['X-Policy-Decision'] = admitted.decision;
  if (isNotModified(exchange.request, manifest.digest)) return new Response(null, { status: 304, headers });
  return new Response(manifest.bytes, { headers });
}

/** HEAD: a pusher decides by the answer whether to push, so an untagged manifest is kept from now on. */
export async function headManifest(
  distribution: Distribution,
  exchange: Exchange,
  route: ManifestRoute,
): Promise<Response> {
  const reference = referenceOf(route);
  const named = await findManifestToKeep(distribution.catalog, exchange.registryId, route.name, reference);
  if (!named) throw await unknownManifest(distribution, exchange, route);
  requireSame(exchange, route.name, named.repositoryId);
  const facts = await ledTo(distribution, exchange, route, named);
  // Most clients ask for a tag so, and then for what it names.
  if ('tag' in reference) distribution.pulls.resolved(exchange, facts.repositoryId, facts.digest, reference.tag);
  const headers = manifestHeaders(facts);
  if (isNotModified(exchange.request, facts.digest)) return new Response(null, { status: 304, headers });
  headers['Content-Length'] = String(facts.size);
  return new Response(null, { headers });
}

/** What a tag leads to, where what it names is in quarantine: GET, HEAD and lists agree. By its digest everything is told. */
async function ledTo(
  distribution: Distribution,
  exchange: Exchange,
  route: ManifestRoute,
  named: ManifestFacts,
): Promise<ManifestFacts> {
  const reference = referenceOf(route);
  const door = 'tag' in reference ? distribution.admission(exchange.registryId, route.name) : undefined;
  if (!door || !('tag' in reference)) return named;
  const digest = await door.leadsTo(exchange, named, reference.tag);
  if (digest === undefined) return named;
  const { catalog } = distribution;
  const facts = digest && (await findManifestFacts(catalog, exchange.registryId, route.name, { digest }));
  if (!facts) throw await unknownManifest(distribution, exchange, route);
  return facts;
}

/** PUT by tag, or by digest with any number of `tag` parameters (distribution-spec 1.2-dev "Pushing Manifests"). */
export async function uploadManifest(
  distribution: Distribution,
  exchange: Exchange,
  route: ManifestRoute,
): Promise<Response> {
  const reference = referenceOf(route);
  const query = new URLSearchParams(exchange.query);
  const tags = 'tag' in reference ? [reference.tag] : [...new Set(query.getAll('tag'))];
  for (const tag of tags) if (!isTag(tag)) throw invalidTag(tag);
  if (tags.length > maxTags) {
    throw new RegistryError('TAG_INVALID', {
      status: 414,
      message: `one push sets at most ${maxTags} tags`,
      detail: { maxTags, tags: tags.length },
    });
  }
  exchange.untimed();
  // Held until it is recorded: the write may have to wait for others.
  using share = distribution.manifestMemory.share();
  const bytes = await readManifestBody(exchange.request, {
    timeoutMs: distribution.manifestTimeoutMs,
    maxBytes: distribution.limits.largestManifest(exchange.registryId),
    share,
  });
  const digest = await verifiedDigest(reference, bytes, query.get('digest-algorithm'));
  const parsed = parseManifest(bytes, exchange.request.headers.get('content-type') ?? '');
  const condition = 'tag' in reference ? tagCondition(exchange.request) : undefined;
  const caller = callerOf(exchange);
  const bound = caller.boundTo(route.name);
  const manifest = { digest, bytes, parsed, tags, condition, bound };
  await putManifest({ ...distribution.catalog, by: caller.by }, exchange.registryId, route.name, manifest);
  const headers = new Headers({
    Location: `/v2/${route.name}/manifests/${digest}`,
    'Docker-Content-Digest': digest,
    'Content-Length': '0',
  });
  if (parsed.subject) headers.set('OCI-Subject', parsed.subject.digest);
  if ('digest' in reference) for (const tag of tags) headers.append('OCI-Tag', tag);
  if (tags.some(isFallbackTag) && parsed.kind === 'index') {
    headers.set('Warning', '299 - "this registry lists referrers by its API; the fallback tag is not needed"');
  }
  return new Response(null, { status: 201, headers });
}

export async function removeManifest(
  distribution: Distribution,
  exchange: Exchange,
  route: ManifestRoute,
): Promise<Response> {
  const reference = referenceOf(route);
  const catalog = { ...distribution.catalog, by: callerOf(exchange).by };
  const repository = await findRepository(catalog, exchange.registryId, route.name);
  if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name: route.name } });
  requireSame(exchange, route.name, repository.id);
  if ('digest' in reference) await deleteManifest(catalog, repository, reference.digest);
  else await deleteTag(catalog, repository, reference.tag, { condition: tagCondition(exchange.request) });
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

/** A tag never looks like a digest: a colon makes it one, and then a well-formed one. */
function referenceOf({ reference }: ManifestRoute): Reference {
  const digest = parseDigest(reference);
  if (digest) return { digest };
  if (isTag(reference)) return { tag: reference };
  if (reference.includes(':')) {
    throw new RegistryError('DIGEST_INVALID', { detail: { digest: reference.slice(0, 160) } });
  }
  throw invalidTag(reference);
}

function invalidTag(tag: string): RegistryError {
  return new RegistryError('TAG_INVALID', {
    message: 'a tag is up to 128 letters, digits, _ . and -, and does not begin with . or -',
    detail: { tag: tag.slice(0, 160) },
  });
}

async function verifiedDigest(reference: Reference, bytes: Uint8Array, algorithm: string | null): Promise<Digest> {
  if ('tag' in reference) {
    const named = algorithm === null ? 'sha256' : parseAlgorithm(algorithm);
    if (named) return digestOf(bytes, named);
    throw new RegistryError('DIGEST_INVALID', {
      message: 'the digest algorithm is not supported; use sha256 or sha512',
      detail: { algorithm: algorithm!.slice(0, 64) },
    });
  }
  const actual = digestOf(bytes, digestAlgorithm(reference.digest));
  if (actual === reference.digest) return actual;
  throw new RegistryError('DIGEST_INVALID', {
    message: 'the manifest does not have the digest in its path',
    detail: { expected: reference.digest, actual },
  });
}

/** What was let out a moment ago may be refused now: no cache keeps it. */
const uncached = 'private, no-store';

function manifestHeaders({ mediaType, digest }: ManifestFacts, caching = 'private, no-cache'): Record<string, string> {
  return {
    'Content-Type': mediaType,
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Cache-Control': caching,
  };
}

async function unknownManifest(
  { catalog }: Distribution,
  exchange: Exchange,
  { name, reference }: ManifestRoute,
): Promise<RegistryError> {
  const repository = await findRepository(catalog, exchange.registryId, name);
  if (!repository) return new RegistryError('NAME_UNKNOWN', { detail: { name } });
  requireSame(exchange, name, repository.id);
  return new RegistryError('MANIFEST_UNKNOWN', { detail: { reference } });
}

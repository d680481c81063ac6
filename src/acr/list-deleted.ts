import {
  type DeletedManifest,
  type DeletedTag,
  describeDeleted,
  describeDeletedTags,
  findRepository,
  listDeletedRepositories,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { isTag } from '../oci/index.ts';
import { askerOf, type Attributes, type Exchange } from './exchange.ts';
import { nextLink, pageOf } from './page.ts';
import { sourceOf } from './render.ts';

const iso = (at: number): string => new Date(at).toISOString();

/** About as many bytes as an entry has in JSON, and as a tag of a manifest has beside. */
const entryBytes = 900;
const tagBytes = 140;

/**
 * Throws UNAUTHORIZED where the caller's token was given for another repository of that name than there is now (lesson 24):
 * also where that one is deleted, so that it is asked for anew. Resolves with whether there is one.
 */
export async function requireBoundName({ catalog }: Attributes, exchange: Exchange, name: string): Promise<boolean> {
  const repository = await findRepository(catalog, exchange.registryId, name);
  const bound = askerOf(exchange).boundTo(name);
  if (bound !== undefined && bound !== repository?.id) throw exchange.stale?.() ?? new RegistryError('UNAUTHORIZED');
  return repository !== undefined;
}

/** `GET /acr/v1/_deleted/_catalog`: repositories of which something deleted is kept, whether or not they are there. */
export function listDeletedCatalog({ catalog, listMemory }: Attributes, exchange: Exchange): Promise<Response> {
  return answerList(listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n, last } = asked;
    const { mayReadDeleted } = askerOf(exchange);
    const position = { last, limit: n + 1 };
    const names = n === 0 ? [] : await listDeletedRepositories(catalog, exchange.registryId, mayReadDeleted, position);
    const repositories = names.slice(0, n);
    share.take(repositories.reduce((sum, name) => sum + name.length + 3, 0));
    const more = names.length > n;
    return {
      body: { repositories },
      headers: more ? nextLink('/acr/v1/_deleted/_catalog', asked, { name: repositories.at(-1)! }) : {},
    };
  });
}

/** `GET /acr/v1/_deleted/{name}/_manifests`; by time is by that of the deletion. */
export function listDeletedManifests(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  return answerList(attributes.listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n, last, at, order } = asked;
    const isThere = await requireBoundName(attributes, exchange, name);
    share.take((n + 1) * entryBytes);
    const position = { order, last, at, limit: n + 1 };
    const found = await describeDeleted(attributes.catalog, exchange.registryId, name, position);
    if (found.length === 0 && !isThere) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
    const page = found.slice(0, n);
    share.take(page.reduce((sum, { tags }) => sum + tags.length * tagBytes, 0));
    const end = page.at(-1);
    const path = `/acr/v1/_deleted/${name}/_manifests`;
    return {
      body: { ...sourceOf(exchange, name), manifests: page.map(renderDeleted) },
      headers: end && found.length > n ? nextLink(path, asked, { name: end.digest, at: end.deletedAt }) : {},
    };
  });
}

function renderDeleted(manifest: DeletedManifest) {
  const { digest, mediaType, artifactType, imageSize, subject, pushedAt, deletedAt, purgeAt, by, tags } = manifest;
  return {
    digest,
    imageSize,
    createdTime: iso(pushedAt),
    lastUpdateTime: iso(pushedAt),
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    ...(subject !== undefined && { subject }),
    ...(tags.length > 0 && { tags }),
    deletedAt: iso(deletedAt),
    purgeAt: iso(purgeAt),
    ...(by && { deletedBy: by }),
  };
}

/**
 * `GET /acr/v1/_deleted/{name}/_tags`: tags that went with their manifests. Of one name the last is the one that went last,
 * which is what clients restore. `tag` (ours): of this name alone.
 */
export function listDeletedTags(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  return answerList(attributes.listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n, last, at, order, query } = asked;
    const tag = query.get('tag') || undefined;
    if (tag !== undefined && !isTag(tag)) {
      throw new RegistryError('TAG_INVALID', { detail: { tag: tag.slice(0, 160) } });
    }
    const isThere = await requireBoundName(attributes, exchange, name);
    share.take((n + 1) * entryBytes);
    const position = { order, last, at, digest: query.get('digest') ?? undefined, tag, limit: n + 1 };
    const found = await describeDeletedTags(attributes.catalog, exchange.registryId, name, position);
    if (found.length === 0 && !isThere) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
    const page = found.slice(0, n);
    const end = page.at(-1);
    return {
      body: { ...sourceOf(exchange, name), tags: page.map(renderDeletedTag) },
      headers: end && found.length > n ? nextTagsLink(`/acr/v1/_deleted/${name}/_tags`, asked.n, query, end) : {},
    };
  });
}

/** With all that tells tags of one name apart. */
function nextTagsLink(path: string, n: number, query: URLSearchParams, end: DeletedTag) {
  const next = new URLSearchParams({ last: end.name, n: String(n), orderby: query.get('orderby') ?? '' });
  next.set('at', String(end.deletedAt));
  next.set('digest', end.digest);
  const tag = query.get('tag');
  if (tag) next.set('tag', tag);
  return { Link: `<${path}?${next}>; rel="next"` };
}

function renderDeletedTag({ name, digest, deletedAt, purgeAt }: DeletedTag) {
  return { tag: name, digest, deletedAt: iso(deletedAt), purgeAt: iso(purgeAt) };
}

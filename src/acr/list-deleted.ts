import {
  type DeletedManifest,
  type DeletedTag,
  describeDeleted,
  describeDeletedTags,
  findRepository,
  listDeletedRepositories,
  type ListPosition,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { isTag } from '../oci/index.ts';
import { askerOf, type Attributes, type Exchange } from './exchange.ts';
import { nextLink, pageOf, type PageQuery } from './page.ts';
import { iso, renderContent, sourceOf } from './render.ts';

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
    const read = (position: ListPosition) => describeDeleted(attributes.catalog, exchange.registryId, name, position);
    const { page, end } = await pageOfDeleted(attributes, exchange, { name, asked, share, read });
    share.take(page.reduce((sum, { tags }) => sum + tags.length * tagBytes, 0));
    const path = `/acr/v1/_deleted/${name}/_manifests`;
    return {
      body: { ...sourceOf(exchange, name), manifests: page.map(renderDeleted) },
      headers: end ? nextLink(path, asked, { name: end.digest, at: end.deletedAt }) : {},
    };
  });
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
    const tag = asked.query.get('tag') || undefined;
    if (tag !== undefined && !isTag(tag)) {
      throw new RegistryError('TAG_INVALID', { detail: { tag: tag.slice(0, 160) } });
    }
    const digest = asked.query.get('digest') ?? undefined;
    const read = (position: ListPosition) =>
      describeDeletedTags(attributes.catalog, exchange.registryId, name, { ...position, digest, tag });
    const { page, end } = await pageOfDeleted(attributes, exchange, { name, asked, share, read });
    return {
      body: { ...sourceOf(exchange, name), tags: page.map(renderDeletedTag) },
      headers: end ? linkBehind(`/acr/v1/_deleted/${name}/_tags`, asked, end, tag) : {},
    };
  });
}

/** A page of what is kept of a repository, and its last entry where there is more. NAME_UNKNOWN where there is neither. */
async function pageOfDeleted<Entry>(
  attributes: Attributes,
  exchange: Exchange,
  {
    name,
    asked: { n, last, at, order },
    share,
    read,
  }: {
    name: string;
    asked: PageQuery;
    share: { take(bytes: number): void };
    read(position: ListPosition): Promise<Entry[]>;
  },
): Promise<{ page: Entry[]; end: Entry | undefined }> {
  const isThere = await requireBoundName(attributes, exchange, name);
  share.take((n + 1) * entryBytes);
  const found = await read({ order, last, at, limit: n + 1 });
  if (found.length === 0 && !isThere) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  const page = found.slice(0, n);
  return { page, end: found.length > n ? page.at(-1) : undefined };
}

function renderDeleted(manifest: DeletedManifest) {
  const { subject, deletedAt, purgeAt, by } = manifest;
  return {
    ...renderContent(manifest),
    ...(subject !== undefined && { subject }),
    deletedAt: iso(deletedAt),
    purgeAt: iso(purgeAt),
    ...(by && { deletedBy: by }),
  };
}

/** With all that tells tags of one name apart. */
function linkBehind(path: string, asked: PageQuery, end: DeletedTag, tag: string | undefined) {
  const more = { at: String(end.deletedAt), digest: end.digest, ...(tag !== undefined && { tag }) };
  return nextLink(path, asked, { name: end.name }, more);
}

function renderDeletedTag({ name, digest, deletedAt, purgeAt }: DeletedTag) {
  return { tag: name, digest, deletedAt: iso(deletedAt), purgeAt: iso(purgeAt) };
}

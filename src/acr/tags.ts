import {
  deleteTag,
  describeTag,
  describeTags,
  describeTagsOf,
  type Repository,
  type TagFacts,
  tagStorage,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { isTag, requireDigest } from '../oci/index.ts';
import { changeAsAsked } from './change.ts';
import { askerOf, type Attributes, type Exchange } from './exchange.ts';
import { nextLink, pageOf } from './page.ts';
import { withPulls } from './pulls.ts';
import { entriesOf, lockBytes, renderTag, sourceOf } from './render.ts';
import { requireRepository } from './repositories.ts';
import { storageFor } from './storage.ts';

type TagRoute = { name: string; tag: string };

/** About as many bytes as a tag has in JSON beside its name. */
const tagBytes = 350;

/** `GET /acr/v1/{name}/_tags`; of one digest they come by name. */
export function listTagAttributes(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  return answerList(attributes.listMemory, exchange, async (share) => {
    const { catalog } = attributes;
    const asked = pageOf(exchange.query);
    const { n, last, at } = asked;
    const digest = asked.query.get('digest') || undefined;
    const order = digest === undefined ? asked.order : 'name';
    const filter = digest === undefined ? undefined : requireDigest(digest);
    const repository = await requireRepository(attributes, exchange, name);
    share.take((n + 1) * tagBytes);
    const found =
      filter === undefined
        ? await describeTags(catalog, repository, { order, last, at, limit: n + 1 })
        : await describeTagsOf(catalog, repository, filter, { last, limit: n + 1 });
    const page = found.slice(0, n);
    share.take(lockBytes(page));
    const end = page.at(-1);
    const more = end !== undefined && found.length > n;
    const path = `/acr/v1/${name}/_tags`;
    const shown = await ledTo(attributes, exchange, repository, page);
    return {
      body: {
        ...sourceOf(exchange, name),
        tags: entriesOf(await withPulls(catalog, repository, shown.map(renderTag), (tag) => tag.name)),
      },
      headers: more ? nextLink(path, { ...asked, order }, { name: end.name, at: end.updatedAt }) : {},
    };
  });
}

/** Tags with what they lead to, without those in quarantine that lead nowhere: as a pull would find them. */
async function ledTo(
  { heldTags }: Attributes,
  exchange: Exchange,
  { id, name }: Repository,
  tags: readonly TagFacts[],
): Promise<TagFacts[]> {
  const held = heldTags(exchange.registryId, name);
  if (!held) return [...tags];
  const led = await held.led(exchange, id, new Map(tags.map((tag) => [tag.name, tag.digest])));
  return tags.flatMap((tag) => {
    const digest = led.get(tag.name);
    return digest === null ? [] : [digest === undefined ? tag : { ...tag, digest }];
  });
}

/** `GET /acr/v1/{name}/_tags/{tag}` */
export async function getTag(attributes: Attributes, exchange: Exchange, { name, tag }: TagRoute): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  return answerTag(attributes, exchange, repository, tag);
}

/** `PATCH /acr/v1/{name}/_tags/{tag}` */
export async function updateTag(
  attributes: Attributes,
  exchange: Exchange,
  { name, tag }: TagRoute,
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  if (!isTag(tag)) throw unknownTag(tag);
  await changeAsAsked(attributes, exchange, repository, { kind: 'tag', name: tag });
  return answerTag(attributes, exchange, repository, tag);
}

/** A tag as it is now, alone. MANIFEST_UNKNOWN. */
export async function answerTag(
  attributes: Attributes,
  exchange: Exchange,
  repository: Repository,
  tag: string,
): Promise<Response> {
  const named = isTag(tag) ? await describeTag(attributes.catalog, repository, tag) : undefined;
  const [facts] = await ledTo(attributes, exchange, repository, named ? [named] : []);
  if (!facts) throw unknownTag(tag);
  const [rendered] = await withPulls(attributes.catalog, repository, [renderTag(facts)], (one) => one.name);
  const storage = await storageFor(exchange, () => tagStorage(attributes.catalog, repository, facts));
  return Response.json({ ...sourceOf(exchange, repository.name), tag: { ...rendered, ...storage } });
}

/** `DELETE /acr/v1/{name}/_tags/{tag}`: its manifest stays. */
export async function removeTag(
  attributes: Attributes,
  exchange: Exchange,
  { name, tag }: TagRoute,
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  if (!isTag(tag)) throw unknownTag(tag);
  await deleteTag({ ...attributes.catalog, by: askerOf(exchange).by }, repository, tag);
  return new Response(null, { status: 202, headers: { 'Content-Length': '0' } });
}

export function unknownTag(tag: string): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', {
    message: 'tag unknown to this repository',
    detail: { tag: tag.slice(0, 160) },
  });
}

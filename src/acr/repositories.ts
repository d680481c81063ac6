import {
  deleteRepository,
  describeRepository,
  findListedRepository,
  listVisibleRepositories,
  type Repository,
  repositoryStorage,
  wholeRepository,
} from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { changeAsAsked } from './change.ts';
import { type Attributes, type Exchange, askerOf } from './exchange.ts';
import { storageFor } from './storage.ts';
import { nextLink, pageOf } from './page.ts';
import { renderRepository, sourceOf } from './render.ts';

/** Names in the answer to a deletion. A repository may have more, which go all the same. */
const mostNamed = 10_000;

/**
 * The repository of a name, where the catalog lists it. NAME_UNKNOWN; UNAUTHORIZED where it is not the one that the
 * caller's token was given for (lesson 24).
 */
export async function requireRepository({ catalog }: Attributes, exchange: Exchange, name: string) {
  return requireSame(exchange, name, await findListedRepository(catalog, exchange.registryId, name));
}

/** The same of one that was found. */
export function requireSame<R extends Repository>(exchange: Exchange, name: string, repository: R | undefined): R {
  if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
  const bound = askerOf(exchange).boundTo(name);
  if (bound === undefined || bound === repository.id) return repository;
  throw exchange.stale?.() ?? new RegistryError('UNAUTHORIZED');
}

/** `GET /acr/v1/_catalog` */
export function listCatalog({ catalog, listMemory }: Attributes, exchange: Exchange): Promise<Response> {
  return answerList(listMemory, exchange, async (share) => {
    const asked = pageOf(exchange.query);
    const { n, last } = asked;
    const position = { last, limit: n + 1 };
    const names =
      n === 0 ? [] : await listVisibleRepositories(catalog, exchange.registryId, askerOf(exchange), position);
    const repositories = names.slice(0, n);
    share.take(repositories.reduce((sum, name) => sum + name.length + 3, 0));
    const more = names.length > n;
    return {
      body: { repositories },
      headers: more ? nextLink('/acr/v1/_catalog', asked, { name: repositories.at(-1)! }) : {},
    };
  });
}

/** `GET /acr/v1/{name}` */
export async function getRepository(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  const facts = await describeRepository(attributes.catalog, repository);
  const storage = await storageFor(exchange, () => repositoryStorage(attributes.catalog, repository));
  return Response.json({ ...sourceOf(exchange, name), ...renderRepository(facts), ...storage });
}

/** `PATCH /acr/v1/{name}` */
export async function updateRepository(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  await changeAsAsked(attributes, exchange, repository, wholeRepository);
  return getRepository(attributes, exchange, { name });
}

/** `DELETE /acr/v1/{name}`: manifests and tags are gone with the answer, blobs are collected as ever. */
export async function removeRepository(
  attributes: Attributes,
  exchange: Exchange,
  { name }: { name: string },
): Promise<Response> {
  const repository = await requireRepository(attributes, exchange, name);
  exchange.untimed();
  const manifestsDeleted: string[] = [];
  const tagsDeleted: string[] = [];
  await deleteRepository({ ...attributes.catalog, by: askerOf(exchange).by }, repository, {
    manifest(digest) {
      if (manifestsDeleted.length < mostNamed) manifestsDeleted.push(digest);
    },
    tags: (names) => void tagsDeleted.push(...names.slice(0, mostNamed - tagsDeleted.length)),
  });
  return Response.json({ manifestsDeleted, tagsDeleted }, { status: 202 });
}

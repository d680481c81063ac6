import { findVisibleRepository, placesAmong, readVisibleRepositories, type Repository } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { type Digest, isRepositoryName, parseDigest } from '../oci/index.ts';
import {
  type Bound,
  boundsOf,
  createBudget,
  orderedBy,
  parseQuery,
  type Plan,
  planQuery,
  QueryError,
  runQuery,
} from '../query/index.ts';
import { type Attributes, askerOf, type Exchange } from './exchange.ts';
import { columnNumber, manifestColumns } from './query-columns.ts';
import { readQueryRequest } from './query-request.ts';
import { createManifestSource, type ReadOrder } from './query-source.ts';
import { readSkipToken, writeSkipToken } from './query-token.ts';
import { requireRepository } from './repositories.ts';

/** Manifests that one request looks at. */
const mostRows = 100_000;
/** For how long one does (ms): where rows come out as they are met, the next page goes on; elsewhere it is refused then. */
const pageMs = 5000;
const wholeMs = 30_000;
/** About what a search keeps (bytes): rows of one step with what is looked up of them, and groups. */
const searchBytes = 16 * 1024 * 1024;
/** Characters of an answer, about. */
const mostAnswer = 2 * 1024 * 1024;
/** Repositories that are read at once. */
const together = 100;
/** Repositories that may have one manifest, for them to be found by it. */
const mostPlaces = 1000;

/**
 * `POST /acr/v1/{name}/_metadata/_query`, and without a name in all repositories whose metadata the caller may read: a query
 * in a part of Kusto's language over the table `Manifests` (acr §3.2; wire form: the extension `acrquery` of azure-cli).
 */
export function searchManifests(attributes: Attributes, exchange: Exchange, name?: string): Promise<Response> {
  requireSearch(attributes, exchange);
  return answerList(attributes.listMemory, exchange, async (share) => {
    const { query, skipToken, top } = await readQueryRequest(exchange);
    const repository = name === undefined ? undefined : await requireRepository(attributes, exchange, name);
    using work = attributes.searchMemory.share();
    work.take(searchBytes);
    exchange.untimed();
    const scope = `${name ?? ''}\n${query}`;
    const skip = skipToken === undefined ? undefined : readSkipToken(scope, skipToken);
    const startedAt = skip?.startedAt ?? attributes.catalog.now();
    const page = await asked(async () => {
      const planned = planQuery(parseQuery(query), manifestColumns, startedAt);
      const { plan, order } = readingOf(planned, repository !== undefined);
      const ms = plan.stages.length === 1 ? pageMs : wholeMs;
      const budget = createBudget({ rows: mostRows, ms, isGone: () => exchange.request.signal.aborted });
      const bounds = boundsOf(plan);
      const repositories = repository
        ? () => only(repository)
        : (from: string | undefined) => repositoriesFrom(attributes, exchange, bounds, from);
      const source = createManifestSource(attributes, { budget, bounds, order, repositories });
      return runQuery(plan, { source, budget, page: top, mostCharacters: mostAnswer, from: skip?.state });
    });
    share.take(JSON.stringify(page.rows).length);
    const next = page.next === undefined ? '' : writeSkipToken(scope, { startedAt, state: page.next });
    return { body: { count: page.rows.length, $skipToken: next, data: page.rows }, headers: {} };
  });
}

/** Refused where the owner of the registry has not turned it on. */
function requireSearch(attributes: Attributes, { registryId }: Exchange): void {
  if (attributes.searchesMetadata(registryId)) return;
  throw new RegistryError('DENIED', {
    message:
      'The operation is disallowed on this registry: metadata search is disabled. Its owner enables it by its property metadataSearch, with bonded acr update --name NAME --allow-metadata-search',
    detail: { reason: 'metadata_search_disabled' },
  });
}

/** Says where in the query what is wrong. */
async function asked<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    throw new RegistryError('BAD_REQUEST', {
      message: `query, character ${error.at + 1}: ${error.message}`,
      detail: { field: 'query', character: error.at + 1 },
    });
  }
}

/** In which order a repository is read, so that what the query asks for first comes first. */
function readingOf(planned: Plan, isOne: boolean): { plan: Plan; order: ReadOrder } {
  const createdAt = columnNumber('createdAt');
  const timed = isOne ? orderedBy(planned, createdAt) : undefined;
  if (timed) return { plan: timed.plan, order: timed.descending ? 'newest' : 'oldest' };
  const named = isOne ? orderedBy(planned, columnNumber('digest')) : undefined;
  if (named && !named.descending) return { plan: named.plan, order: 'name' };
  const isBounded = boundsOf(planned).some(({ column }) => column === createdAt);
  return { plan: planned, order: isBounded ? 'oldest' : 'name' };
}

async function* only(repository: Repository): AsyncGenerator<Repository> {
  yield repository;
}

/**
 * Repositories whose metadata the caller may read, from one on, by name; those alone that the query names, or that have the
 * digest that it names. A token for the catalog names no repository: what its holder may read now is what counts.
 */
async function* repositoriesFrom(
  attributes: Attributes,
  exchange: Exchange,
  bounds: readonly Bound[],
  from: string | undefined,
): AsyncGenerator<Repository> {
  const { catalog } = attributes;
  const { registryId } = exchange;
  const viewer = askerOf(exchange).readsMetadata;
  const names = await namesOf(attributes, registryId, bounds);
  const isHere = ({ id, name }: Repository) => (askerOf(exchange).boundTo(name) ?? id) === id;
  const [first] = from === undefined ? [] : [from];
  const wanted = names?.toSorted().filter((name) => first === undefined || name >= first);
  for (const name of wanted ?? (first === undefined ? [] : [first])) {
    if (!isRepositoryName(name)) continue;
    const repository = await findVisibleRepository(catalog, registryId, viewer, name);
    if (repository && isHere(repository)) yield repository;
  }
  if (wanted) return;
  for (let last = from ?? ''; ;) {
    const some = await readVisibleRepositories(catalog, registryId, viewer, { last, limit: together });
    for (const { id, name, attributes: bits } of some) {
      const repository = { id, registryId, name, attributes: bits };
      if (isHere(repository)) yield repository;
    }
    if (some.length < together) return;
    last = some.at(-1)!.name;
  }
}

/** Names of the repositories that rows can be in; undefined where they can be in any. */
async function namesOf(
  { catalog }: Attributes,
  registryId: number,
  bounds: readonly Bound[],
): Promise<string[] | undefined> {
  const valuesOf = (name: string) =>
    bounds.find(({ column, how }) => column === columnNumber(name) && how === '==')?.values.map(String);
  const named = valuesOf('repository');
  if (named) return [...new Set(named)];
  const digests: Digest[] | undefined = valuesOf('digest')?.flatMap((digest) => parseDigest(digest) ?? []);
  if (!digests) return undefined;
  const places = await placesAmong(catalog.db, registryId, digests, mostPlaces);
  return places.length < mostPlaces ? [...new Set(places.map(({ repository }) => repository))] : undefined;
}

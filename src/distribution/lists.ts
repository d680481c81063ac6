import { findRepository, listReferrers, listRepositories, listTags } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { maxManifestBytes, mediaTypes, requireDigest } from '../oci/index.ts';
import { callerOf, requireSame } from './caller.ts';
import type { Distribution, Exchange } from './exchange.ts';
import { answerList } from './list-answer.ts';

/** Page size where the client names none, and the largest one it may name. */
const maxPage = 10_000;

export function listCatalog(distribution: Distribution, exchange: Exchange): Promise<Response> {
  return answerList(distribution, exchange, async (share) => {
    const { last, n } = pageOf(exchange);
    const names = n === 0 ? [] : await visibleRepositories(distribution, exchange, last, n + 1);
    share.take(sizeOf(names));
    const page = names.slice(0, n);
    return { body: { repositories: page }, headers: nextLink('/v2/_catalog', exchange, page, names.length > n) };
  });
}

/** Names that are read at once for a caller who may not see all of them. */
const batch = 1000;

/**
 * Repositories that the caller may know of. Who sees few of many makes us read past the others: where it stopped would
 * be the name of one, so a page ends only when it is full.
 */
async function visibleRepositories(
  { catalog }: Distribution,
  exchange: Exchange,
  last: string,
  limit: number,
): Promise<string[]> {
  const { maySee, seesAll } = callerOf(exchange);
  if (seesAll) return listRepositories(catalog, exchange.registryId, last, limit);
  const seen: string[] = [];
  for (let after = last; ;) {
    const names = await listRepositories(catalog, exchange.registryId, after, batch);
    for (const name of names) if (maySee(name) && seen.push(name) === limit) return seen;
    if (names.length < batch) return seen;
    after = names.at(-1)!;
    // SQLite answers without the event loop turning.
    await new Promise(setImmediate);
  }
}

export function tagList(distribution: Distribution, exchange: Exchange, { name }: { name: string }): Promise<Response> {
  return answerList(distribution, exchange, async (share) => {
    const { last, n } = pageOf(exchange);
    const repository = await findRepository(distribution.catalog, exchange.registryId, name);
    if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
    requireSame(exchange, name, repository.id);
    const tags = n === 0 ? [] : await listTags(distribution.catalog, repository, last, n + 1);
    share.take(sizeOf(tags));
    const page = tags.slice(0, n);
    return { body: { name, tags: page }, headers: nextLink(`/v2/${name}/tags/list`, exchange, page, tags.length > n) };
  });
}

/** Referrers of a digest; an empty index where there are none, also in a repository that does not exist. */
export function referrerList(
  distribution: Distribution,
  exchange: Exchange,
  route: { name: string; digest: string },
): Promise<Response> {
  return answerList(distribution, exchange, async (share) => {
    const subject = requireDigest(route.digest);
    const query = new URLSearchParams(exchange.query);
    // A media type has no space: that was a plus, sent as it is. An empty type filters nothing.
    const artifactType = query.get('artifactType')?.replaceAll(' ', '+') || undefined;
    const repository = await findRepository(distribution.catalog, exchange.registryId, route.name);
    if (repository) requireSame(exchange, route.name, repository.id);
    const { referrers, more } = repository
      ? await listReferrers(distribution.catalog, repository, subject, {
          artifactType,
          last: positionOf(query),
          maxBytes: maxManifestBytes - 1024,
          takes: share.take,
        })
      : { referrers: [], more: false };
    const headers: Record<string, string> = { 'Content-Type': mediaTypes.ociIndex };
    if (artifactType !== undefined) headers['OCI-Filters-Applied'] = 'artifactType';
    if (more) {
      query.set('last', referrers.at(-1)!.digest);
      headers.Link = `</v2/${route.name}/referrers/${subject}?${query}>; rel="next"`;
    }
    return { body: { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: referrers }, headers };
  });
}

/** About as many bytes as names have in JSON. */
function sizeOf(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + name.length + 3, 0);
}

function pageOf({ query }: Exchange): { last: string; n: number } {
  if (query === '') return { last: '', n: maxPage };
  const parameters = new URLSearchParams(query);
  const n = parameters.get('n');
  // More than a page holds is no mistake: clients that want everything ask for the largest number they know.
  if (n !== null && !/^[0-9]+$/.test(n)) {
    throw new RegistryError('PAGINATION_NUMBER_INVALID', {
      message: 'n must be a number of results',
      detail: { n: n.slice(0, 32) },
    });
  }
  return { last: positionOf(parameters), n: Math.min(n === null ? maxPage : Number(n), maxPage) };
}

/** Where a page begins. No name holds a NUL, which PostgreSQL refuses in text: the part before it sorts the same. */
function positionOf(query: URLSearchParams): string {
  return (query.get('last') ?? '').slice(0, 512).split('\0', 1)[0]!;
}

function nextLink(path: string, exchange: Exchange, page: string[], more: boolean): Record<string, string> {
  const last = page.at(-1);
  if (!more || last === undefined) return {};
  const query = new URLSearchParams({ last, n: String(page.length) });
  return { Link: `<${path}?${query}>; rel="next"` };
}

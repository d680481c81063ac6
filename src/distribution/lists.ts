import { findRepository, listReferrers, listTags, listVisibleRepositories } from '../catalog/index.ts';
import { RegistryError } from '../errors/index.ts';
import { answerList } from '../memory/index.ts';
import { maxManifestBytes, mediaTypes, requireDigest } from '../oci/index.ts';
import { callerOf, requireSame } from './caller.ts';
import type { Distribution, Exchange } from './exchange.ts';

/** Page size where the client names none, and the largest one it may name. */
const maxPage = 10_000;

export function listCatalog(distribution: Distribution, exchange: Exchange): Promise<Response> {
  return answerList(distribution.listMemory, exchange, async (share) => {
    const { last, n } = pageOf(exchange);
    const { catalog } = distribution;
    const page = { last, limit: n + 1 };
    const names = n === 0 ? [] : await listVisibleRepositories(catalog, exchange.registryId, callerOf(exchange), page);
    share.take(sizeOf(names));
    const repositories = names.slice(0, n);
    return { body: { repositories }, headers: nextLink('/v2/_catalog', exchange, repositories, names.length > n) };
  });
}

export function tagList(distribution: Distribution, exchange: Exchange, { name }: { name: string }): Promise<Response> {
  return answerList(distribution.listMemory, exchange, async (share) => {
    const { last, n } = pageOf(exchange);
    const repository = await findRepository(distribution.catalog, exchange.registryId, name);
    if (!repository) throw new RegistryError('NAME_UNKNOWN', { detail: { name } });
    requireSame(exchange, name, repository.id);
    const tags = n === 0 ? [] : await listTags(distribution.catalog, repository, last, n + 1);
    share.take(sizeOf(tags));
    const page = tags.slice(0, n);
    const door = distribution.admission(exchange.registryId, name);
    const visible = door ? await door.visible(exchange, repository.id, page) : page;
    return {
      body: { name, tags: visible },
      headers: nextLink(`/v2/${name}/tags/list`, exchange, page, tags.length > n),
    };
  });
}

/** Referrers of a digest; an empty index where there are none, also in a repository that does not exist. */
export function referrerList(
  distribution: Distribution,
  exchange: Exchange,
  route: { name: string; digest: string },
): Promise<Response> {
  return answerList(distribution.listMemory, exchange, async (share) => {
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

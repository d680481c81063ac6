import { RegistryError } from '../errors/index.ts';
import { type Gate, passGates } from '../identity/index.ts';
import type { Attributes, Exchange } from './exchange.ts';
import { listHistory, undeleteTag } from './history.ts';
import { listDeletedCatalog, listDeletedManifests, listDeletedTags } from './list-deleted.ts';
import { getManifest, listManifestAttributes, updateManifest } from './manifests.ts';
import { matchRoute, type Route } from './match.ts';
import { getMetadata, listKeys, removeMetadata, setMetadata } from './metadata.ts';
import { type Action, actionOf, allowedMethods, needsOf } from './needs.ts';
import { searchManifests } from './query.ts';
import { getRepository, listCatalog, removeRepository, updateRepository } from './repositories.ts';
import { purgeDeleted, restoreDeleted } from './restore.ts';
import { getTag, listTagAttributes, removeTag, updateTag } from './tags.ts';

export type { QuarantineAttributes } from './exchange.ts';
export { isSearch } from './needs.ts';

/**
 * Answers a request below `/acr/v1` (acr §3.2), after the gates: attributes of repositories, tags and manifests.
 * Undefined when the path is not of the API.
 */
export async function serveAttributes(
  attributes: Attributes,
  gates: readonly Gate[],
  exchange: Exchange,
): Promise<Response | undefined> {
  const route = matchRoute(exchange.path);
  if (!route) return undefined;
  exchange.route = `acr-${route.kind}`;
  const action = actionOf(route, exchange.method);
  if (!action) {
    throw new RegistryError('UNSUPPORTED', {
      message: 'the method is not served here',
      headers: { Allow: allowedMethods(route) },
    });
  }
  exchange.action = action;
  if ('name' in route) exchange.repository = route.name;
  const asked = { needs: needsOf(route, action), isBase: false, finishes: false };
  await passGates(gates, exchange, asked);
  return act(attributes, exchange, route, action);
}

function act(attributes: Attributes, exchange: Exchange, route: Route, action: Action): Promise<Response> {
  switch (route.kind) {
    case 'catalog':
      return listCatalog(attributes, exchange);
    case 'query-all':
      return searchManifests(attributes, exchange);
    case 'query':
      return searchManifests(attributes, exchange, route.name);
    case 'repository':
      if (action === 'update') return updateRepository(attributes, exchange, route);
      return (action === 'delete' ? removeRepository : getRepository)(attributes, exchange, route);
    case 'tags':
      return listTagAttributes(attributes, exchange, route);
    case 'tag':
      if (action === 'update') return updateTag(attributes, exchange, route);
      return (action === 'delete' ? removeTag : getTag)(attributes, exchange, route);
    case 'history':
      return listHistory(attributes, exchange, route);
    case 'undelete':
      return undeleteTag(attributes, exchange, route);
    case 'manifests':
      return listManifestAttributes(attributes, exchange, route);
    case 'manifest':
      return (action === 'update' ? updateManifest : getManifest)(attributes, exchange, route);
    case 'deleted-catalog':
      return listDeletedCatalog(attributes, exchange);
    case 'deleted-manifests':
      return listDeletedManifests(attributes, exchange, route);
    case 'deleted-tags':
      return listDeletedTags(attributes, exchange, route);
    case 'deleted-manifest':
      return (action === 'restore' ? restoreDeleted : purgeDeleted)(attributes, exchange, route);
    case 'metadata':
      return listKeys(attributes, exchange, route);
    case 'metadata-key':
      if (action === 'update') return setMetadata(attributes, exchange, route);
      return (action === 'delete' ? removeMetadata : getMetadata)(attributes, exchange, route);
  }
}

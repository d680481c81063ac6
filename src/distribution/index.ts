import { RegistryError } from '../errors/index.ts';
import { type Gate, passGates } from '../identity/index.ts';
import { getBlob, headBlob, removeBlob } from './blobs.ts';
import type { Distribution, Exchange } from './exchange.ts';
import { actionOf, allowedMethods } from './gates.ts';
import { listCatalog, referrerList, tagList } from './lists.ts';
import { getManifest, headManifest, removeManifest, uploadManifest } from './manifests.ts';
import { matchRoute, type Route } from './match.ts';
import { needsOf } from './needs.ts';
import { cancelUpload, finishUpload, patchUpload, startUpload, uploadStatus } from './uploads.ts';

export type { Caller } from './caller.ts';
export { serveDataEndpoint } from './data-endpoint.ts';
export type { AdmissionDoor, ContentLimits, DataEndpoint, Distribution, Exchange } from './exchange.ts';
export type { Action } from './action.ts';
export { matchRoute } from './match.ts';

/** Answers a request below `/v2` (OCI distribution-spec), after the gates; undefined when the path is not of the API. */
export async function distribute(
  distribution: Distribution,
  gates: readonly Gate[],
  exchange: Exchange,
): Promise<Response | undefined> {
  const route = matchRoute(exchange.path);
  if (!route) return undefined;
  exchange.route = route.kind;
  const action = actionOf(route, exchange.method);
  if (!action) {
    throw new RegistryError('UNSUPPORTED', {
      message: 'the method is not served here',
      headers: { Allow: allowedMethods(route) },
    });
  }
  exchange.action = action;
  if ('name' in route) exchange.repository = route.name;
  const asked = {
    needs: needsOf(route, action, exchange.query),
    isBase: route.kind === 'base',
    finishes: route.kind === 'upload',
  };
  await passGates(gates, exchange, asked);
  const response = await answer(distribution, exchange, route);
  response.headers.set('Docker-Distribution-API-Version', 'registry/2.0');
  return response;
}

/** Only the gates know how to ask for another token. */
async function answer(distribution: Distribution, exchange: Exchange, route: Route): Promise<Response> {
  try {
    return await act(distribution, exchange, route);
  } catch (error) {
    const isStale = error instanceof RegistryError && error.code === 'UNAUTHORIZED';
    throw isStale && exchange.stale ? exchange.stale() : error;
  }
}

function act(distribution: Distribution, exchange: Exchange, route: Route): Response | Promise<Response> {
  const { method } = exchange;
  switch (route.kind) {
    case 'base':
      return new Response('{}', { headers: { 'Content-Type': 'application/json' } });
    case 'catalog':
      return listCatalog(distribution, exchange);
    case 'tags':
      return tagList(distribution, exchange, route);
    case 'referrers':
      return referrerList(distribution, exchange, route);
    case 'manifest':
      if (method === 'GET') return getManifest(distribution, exchange, route);
      if (method === 'HEAD') return headManifest(distribution, exchange, route);
      if (method === 'PUT') return uploadManifest(distribution, exchange, route);
      return removeManifest(distribution, exchange, route);
    case 'blob':
      if (method === 'GET') return getBlob(distribution, exchange, route);
      if (method === 'HEAD') return headBlob(distribution, exchange, route);
      return removeBlob(distribution, exchange, route);
    case 'uploads':
      return startUpload(distribution, exchange, route);
    case 'upload':
      if (method === 'PATCH') return patchUpload(distribution, exchange, route);
      if (method === 'PUT') return finishUpload(distribution, exchange, route);
      if (method === 'DELETE') return cancelUpload(distribution, exchange, route);
      return uploadStatus(distribution, exchange, route);
  }
}

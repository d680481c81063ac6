import { parseArmScope } from '../access/index.ts';
import type { RegistryError } from '../errors/index.ts';
import {
  errorEnvelope,
  groupScope,
  ManagementError,
  requireAnyApiVersion,
  requireApiVersion,
} from '../operations/index.ts';
import { actOn, actOnProvider } from './act.ts';
import { createCarrier } from './carry-out.ts';
import { type Call, type Edge, type ManagementOptions, requireScope } from './edge.ts';
import { json } from './envelope.ts';
import type { Exchange } from './exchange.ts';
import { createBodyReader } from './json-body.ts';
import { getOperation } from './long-running.ts';
import { createMatch, isManagementPath, type Route } from './match.ts';
import { getResource, listResources } from './read.ts';
import { methodsOf, rightOf } from './route-rights.ts';
import { showScope } from './scopes.ts';
import { deleteResource, requireName, writeResource } from './write.ts';

/** The management API (ARM's resource model). */
export interface Management {
  /** Answers a request; undefined where the path is not of this API. Errors are thrown, for `renderError`. */
  handle(exchange: Exchange): Promise<Response | undefined>;
  /** An error in ARM's envelope, where the request was for a path of this API. */
  renderError(
    error: RegistryError,
    exchange: Pick<Exchange, 'path' | 'method' | 'request' | 'requestId'>,
  ): Response | undefined;
  /**
   * One round of what takes longer than a request: takes up what nobody carries out, such as what a process left that has
   * ended. True where more waits.
   */
  takeUp(): Promise<boolean>;
  /** Resolves when what this process carries out has ended. */
  settle(): Promise<void>;
  /** Breaks off what this process carries out, for others or the next start to go on with. */
  stop(): Promise<void>;
}

export function createManagement(options: ManagementOptions): Management {
  const { types, providerActions = [] } = options;
  const failed = options.failed ?? (() => {});
  const edge: Edge = {
    refresh: async () => {},
    admit: async () => {},
    registryIdOf: () => 0,
    originOf: ({ request }) => new URL(request.url).origin,
    carriesOut: true,
    ended: () => {},
    shows: () => true,
    sealer: undefined,
    ...options,
    failed,
    types: new Map(types.map((served) => [served.type.type.toLowerCase(), served])),
    readBody: createBodyReader(),
    carrier: createCarrier(() => edge),
  };
  const match = createMatch({
    types: types.map(({ type }) => type),
    providerActions: providerActions.map(({ action }) => action),
  });

  async function authorise(exchange: Exchange, route: Route): Promise<void> {
    const { action, id } = rightOf(route, exchange.method);
    if (await options.authorise(exchange, action, id)) return;
    // Whatever a subscription has lies in its one group, and ARM lists what of it somebody may read. So it is with what a
    // provider says of itself.
    const reachesGroup = route.kind === 'collection' ? route.all : isAboutProvider(route);
    if (reachesGroup && (await options.authorise(exchange, action, groupScope))) return;
    // No right holds at what is no scope, and none would help.
    if (route.kind === 'resource' && !parseArmScope(id)) requireName(route.type, route.name);
    throw new ManagementError(
      'AuthorizationFailed',
      `the client ${options.describe(exchange.principal)} does not have authorization to perform action ${action} over ` +
        `scope ${id}, or the scope is invalid; have somebody assign a role that grants it`,
    );
  }

  function act(call: Call, route: Route): Response | Promise<Response> {
    const { method } = call.exchange;
    switch (route.kind) {
      case 'subscriptions':
      case 'subscription':
      case 'groups':
      case 'group':
        return showScope(route);
      case 'collection':
        return listResources(call, route);
      case 'operation':
        return getOperation(call, route);
      case 'action':
        return actOn(call, route);
      case 'providerAction':
        return actOnProvider(
          call,
          route,
          providerActions.find(({ action }) => action === route.action)!,
        );
      case 'resource':
        if (method === 'PUT' || method === 'PATCH')
          return writeResource(call, route, method === 'PUT' ? 'put' : 'patch');
        return method === 'DELETE' ? deleteResource(call, route) : getResource(call, route);
    }
  }

  return {
    async handle(exchange) {
      const route = match(exchange.path);
      if (!route) return undefined;
      exchange.route = `management.${route.kind}`;
      requireMethod(route, exchange.method);
      const query = new URLSearchParams(exchange.query);
      const apiVersion = readApiVersion(route, query);
      await authorise(exchange, route);
      requireScope(route.id);
      return complete(await act({ edge, exchange, query, apiVersion }, route), exchange);
    },

    renderError(error, exchange) {
      if (!isManagementPath(exchange.path)) return undefined;
      const answer = json(errorEnvelope(error), error.status, error.headers);
      return complete(answer, exchange);
    },

    takeUp: edge.carrier.takeUp,
    settle: edge.carrier.settle,
    stop: edge.carrier.stop,
  };
}

function isAboutProvider(route: Route): boolean {
  return route.kind === 'providerAction' && route.action.level === 'tenant' && route.action.method === 'GET';
}

function requireMethod(route: Route, method: string): void {
  const allowed = methodsOf(route);
  if (allowed.includes(method)) return;
  throw new ManagementError(
    'MethodNotAllowed',
    `${method} is not served here; there is ${allowed.join(', ') || 'none'}`,
    {
      headers: { Allow: allowed.join(', ') },
    },
  );
}

/** Its name is the one part of a query that some clients write in another case. */
function readApiVersion(route: Route, query: URLSearchParams): string {
  const entry = [...query].find(([name]) => name.toLowerCase() === 'api-version');
  const version = entry?.[1] ?? null;
  if (route.kind === 'providerAction') {
    const { namespace, name, apiVersions } = route.action;
    return requireApiVersion(version, `${namespace}/${name}`, apiVersions);
  }
  if ('type' in route) return requireApiVersion(version, route.type.type, route.type.apiVersions);
  requireAnyApiVersion(version);
  return version!;
}

/** Headers that ARM's clients log, and a HEAD without its body. */
function complete(
  answer: Response,
  { method, request, requestId }: Pick<Exchange, 'method' | 'request' | 'requestId'>,
): Response {
  const correlation = request.headers.get('x-ms-correlation-request-id');
  answer.headers.set('x-ms-request-id', requestId);
  answer.headers.set(
    'x-ms-correlation-request-id',
    correlation !== null && /^[A-Za-z0-9-]{1,64}$/.test(correlation) ? correlation : requestId,
  );
  // Some actions answer with a password.
  answer.headers.set('Cache-Control', method === 'POST' ? 'no-store' : 'no-cache');
  return method === 'HEAD' ? new Response(null, answer) : answer;
}

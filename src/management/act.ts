import { armKey, type ManagementAction, ManagementError, readInput } from '../operations/index.ts';
import { type Resource, resourceNotFound } from '../resources/index.ts';
import { builtInOf, type Call, handlersOf, hookContext, presetOf, type RouteOf } from './edge.ts';
import { empty, json, outputOf } from './envelope.ts';
import type { HookContext, ServedProviderAction } from './handlers.ts';
import { hasBody } from './json-body.ts';
import { operationHeaders } from './long-running.ts';
import { sealing, type Work } from './work.ts';

/** Does something with a resource. */
export async function actOn(call: Call, route: RouteOf<'action'>): Promise<Response> {
  const { edge } = call;
  const { action, id, name, type } = route;
  const context = hookContext(call, { id, type }, id.slice(id.lastIndexOf('/') + 1));
  const made = builtInOf(call, context) ?? (await handlersOf(edge, type).get?.(context));
  const resource = made ?? (await edge.resources.get(id)) ?? presetOf(call, context);
  if (!resource) throw resourceNotFound(id);
  const own = { ...context, id: resource.id, name: resource.name };
  if (action.longRunning) return beginAction(call, { action, name, context: own, resource });
  const handle = handlersOf(edge, type).actions?.[name];
  if (!handle) throw notServed(name);
  const result = outputOf(action, await handle(own, await inputOf(call, action), resource));
  await edge.refresh();
  return answer(result);
}

interface Begun {
  action: ManagementAction;
  name: string;
  context: HookContext;
  resource: Resource;
}

/** Looks at the request, keeps what its work needs, and leaves that to whoever carries it out. */
async function beginAction(call: Call, { action, name, context, resource }: Begun): Promise<Response> {
  const { edge } = call;
  const { id, type, by } = context;
  const long = handlersOf(edge, type).longActions?.[name];
  if (!long) throw notServed(name);
  const { input, secret } = await long.begin(context, await inputOf(call, action), resource);
  const work: Work = { kind: 'action', type: type.type, id, action: name, input, hasSecret: secret !== undefined };
  const operation = await edge.resources.db.write((tx) =>
    edge.operations.start(tx, { resourceId: id, principal: by, work, seal: sealing(edge, secret) }),
  );
  edge.carrier.begun({ id: operation, resource: armKey(id)! });
  return empty(202, operationHeaders(call, id, operation, true));
}

function notServed(name: string): ManagementError {
  return new ManagementError('NotFound', `the action ${name} is not served`);
}

/** Does something that concerns a provider as a whole. */
export async function actOnProvider(
  call: Call,
  route: RouteOf<'providerAction'>,
  { handle }: ServedProviderAction,
): Promise<Response> {
  const { action, id } = route;
  const { edge, exchange } = call;
  const context = {
    exchange,
    principal: exchange.principal,
    by: edge.describe(exchange.principal),
    id,
    now: edge.now(),
    origin: edge.originOf(exchange),
    secrets: {},
  };
  const result = outputOf(action, await handle(context, await inputOf(call, action)));
  await edge.refresh();
  return answer(result);
}

async function inputOf({ edge, exchange: { request } }: Call, { input }: ManagementAction): Promise<unknown> {
  if (!input) return undefined;
  return readInput(input, hasBody(request) ? await edge.readBody(request) : undefined);
}

function answer(result: unknown): Response {
  return result === undefined ? empty(200) : json(result);
}

import type { z } from 'zod';
import { type ManagementAction, ManagementError, readInput } from '../operations/index.ts';
import { resourceNotFound } from '../resources/index.ts';
import { builtInOf, type Call, handlersOf, hookContext, type RouteOf } from './edge.ts';
import { empty, json } from './envelope.ts';
import type { ServedProviderAction } from './handlers.ts';
import { hasBody } from './json-body.ts';
import { failure, operationHeaders } from './long-running.ts';

/** Does something with a resource. */
export async function actOn(call: Call, route: RouteOf<'action'>): Promise<Response> {
  const { edge } = call;
  const { action, id, name, type } = route;
  const context = hookContext(call, { id, type }, id.slice(id.lastIndexOf('/') + 1));
  const resource = builtInOf(call, context) ?? (await edge.resources.get(id));
  if (!resource) throw resourceNotFound(id);
  const handle = handlersOf(edge, type).actions?.[name];
  if (!handle) throw new ManagementError('NotFound', `the action ${name} is not served`);
  const input = await inputOf(call, action);
  const own = { ...context, id: resource.id, name: resource.name };
  const run = async () => {
    const result = outputOf(action, await handle(own, input, resource));
    await edge.refresh();
    return result;
  };
  if (!action.longRunning) return answer(await run());
  const operation = await edge.resources.db.write(async (tx) =>
    edge.operations.start(tx, { resourceId: id, principal: context.by }),
  );
  const end = run().then(
    (result) => edge.operations.finish(operation, { status: 'Succeeded', result }),
    (error: unknown) => {
      edge.failed(error);
      return edge.operations.finish(operation, failure(error));
    },
  );
  edge.later(end);
  return empty(202, operationHeaders(call, id, operation, true));
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

/** Nothing leaves that the declaration does not name. */
function outputOf({ output }: { output: z.ZodType | undefined }, result: unknown): unknown {
  return output ? output.parse(result) : undefined;
}

function answer(result: unknown): Response {
  return result === undefined ? empty(200) : json(result);
}

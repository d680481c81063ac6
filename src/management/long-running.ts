import { armKey, ManagementError, type Operation, type Outcome } from '../operations/index.ts';
import type { Resource } from '../resources/index.ts';
import { asError } from './as-error.ts';
import { type Call, handlersOf, type RouteOf } from './edge.ts';
import { empty, json } from './envelope.ts';
import type { HookContext } from './handlers.ts';

/** After how long a client looks again (s). */
const retryAfter = '1';

/** Where a client follows an operation (ARM: `Azure-AsyncOperation`, and `Location` of what ends without a resource). */
export function operationHeaders(call: Call, id: string, operation: string, located: boolean): Record<string, string> {
  const at = (word: string) =>
    `${call.edge.originOf(call.exchange)}${id}/${word}/${operation}?api-version=${call.apiVersion}`;
  return {
    'Azure-AsyncOperation': at('operationStatuses'),
    ...(located && { Location: at('operationResults') }),
    'Retry-After': retryAfter,
  };
}

/** Carries out the rest of a write after its answer, and records how it ended. */
export function runLater(
  call: Call,
  context: HookContext,
  verb: 'put' | 'patch' | 'delete',
  resource: Resource,
  operation: string,
): void {
  const { edge } = call;
  const { resources } = edge;
  const change = { by: context.by, registryId: edge.registryIdOf(context.id), mostBytes: context.type.mostBytes };
  const handlers = handlersOf(edge, context.type);
  const succeed = async () => {
    await handlers.run?.(context, verb, resource);
    await resources.db.write(async (tx) => {
      if (verb === 'delete') {
        const gone = await resources.delete(context.id, { ...change, tx });
        if (gone) await handlers.afterDelete?.({ ...context, tx }, gone);
      } else {
        // Another operation may have begun meanwhile: its state stays.
        const over = ({ state }: Resource) => (state === resource.state ? undefined : state);
        await resources.patch(context.id, (previous) => ({ ...previous, state: over(previous) }), { ...change, tx });
      }
      await edge.operations.finish(operation, { status: 'Succeeded' }, tx);
    });
  };
  const fail = async (error: unknown) => {
    edge.failed(error);
    await resources.db.write(async (tx) => {
      if (await resources.get(context.id, tx)) {
        await resources.patch(context.id, (previous) => ({ ...previous, state: 'Failed' }), { ...change, tx });
      }
      await edge.operations.finish(operation, failure(error), tx);
    });
  };
  edge.later(
    succeed()
      .catch(fail)
      .then(() => edge.refresh())
      .then(() => {}),
  );
}

/** What clients may know of a failure. */
export function failure(error: unknown): Outcome {
  return { status: 'Failed', error: asError(error) };
}

/** `operationStatuses/ID` tells how it stands; `operationResults/ID` is the answer itself once there is one. */
export async function getOperation(call: Call, route: RouteOf<'operation'>): Promise<Response> {
  const { edge } = call;
  const found = await edge.operations.get(route.operation.toLowerCase());
  if (!found || found.resource !== armKey(route.id)) {
    throw new ManagementError('NotFound', 'there is no such operation; those that ended a week ago are forgotten');
  }
  if (route.results) return resultOf(call, route, found);
  const waits = found.status === 'InProgress';
  return json(statusOf(call, found), 200, waits ? { 'Retry-After': retryAfter } : {});
}

function statusOf({ exchange }: Call, operation: Operation): Record<string, unknown> {
  return {
    id: exchange.path,
    name: operation.id,
    status: operation.status,
    startTime: new Date(operation.startedAt).toISOString(),
    ...(operation.endedAt !== undefined && { endTime: new Date(operation.endedAt).toISOString() }),
    ...(operation.error && { error: operation.error }),
    ...(operation.result !== undefined && { properties: operation.result }),
  };
}

function resultOf(call: Call, route: RouteOf<'operation'>, operation: Operation): Response {
  if (operation.status === 'InProgress') return empty(202, operationHeaders(call, route.id, operation.id, true));
  if (operation.status === 'Succeeded') return operation.result === undefined ? empty(204) : json(operation.result);
  const { code = 'OperationFailed', message = 'the operation was canceled' } = operation.error ?? {};
  return json({ error: { code, message } }, 409);
}

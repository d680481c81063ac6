import { armKey, ManagementError, type Operation } from '../operations/index.ts';
import type { Call, RouteOf } from './edge.ts';
import { empty, json } from './envelope.ts';

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
    ...(operation.status === 'Succeeded'
      ? { percentComplete: 100 }
      : operation.progress && { percentComplete: operation.progress.percentComplete }),
    ...(operation.error && { error: operation.error }),
    ...propertiesOf(operation),
  };
}

/** What an action returned, and how far it has come. */
function propertiesOf({ result, progress }: Operation): { properties?: Record<string, unknown> } {
  if (result === undefined && !progress) return {};
  return { properties: { ...(result as object), ...(progress && { progress }) } };
}

function resultOf(call: Call, route: RouteOf<'operation'>, operation: Operation): Response {
  if (operation.status === 'InProgress') return empty(202, operationHeaders(call, route.id, operation.id, true));
  if (operation.status === 'Succeeded') return operation.result === undefined ? empty(204) : json(operation.result);
  const { code = 'OperationFailed', message = 'the operation was canceled' } = operation.error ?? {};
  return json({ error: { code, message } }, 409);
}

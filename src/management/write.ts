import type { Transaction } from '../database/index.ts';
import {
  armKey,
  ManagementError,
  parseArmId,
  readPatch,
  readPut,
  requireUnchanged,
  type ResourceType,
  type Written,
} from '../operations/index.ts';
import {
  type Preconditions,
  type Put,
  type Resource,
  type ResourceBody,
  resourceNotFound,
} from '../resources/index.ts';
import { builtInOf, type Call, type Edge, handlersOf, hookContext, presetOf, type RouteOf } from './edge.ts';
import { empty, json, present, quoted } from './envelope.ts';
import type { HookContext, WriteHookContext } from './handlers.ts';
import { operationHeaders } from './long-running.ts';
import { preconditionsOf } from './preconditions.ts';
import { ownerOf } from './read.ts';
import { sealing, type Work } from './work.ts';

type Write = Put & { operation: string | undefined };

/** PUT and PATCH of a resource. */
export async function writeResource(call: Call, route: RouteOf<'resource'>, verb: 'put' | 'patch'): Promise<Response> {
  const { edge, exchange } = call;
  const { resources } = edge;
  const { type, id } = route;
  const context = hookContext(call, route, route.name);
  refuseBuiltIn(call, context);
  if (verb === 'put') requireName(type, route.name);
  const input = await edge.readBody(exchange.request);
  // What is wrong in itself is told before anybody is kept waiting.
  const content = verb === 'put' ? readPut(type, input) : undefined;
  const preset = presetOf(call, context);
  const asked = preconditionsOf(exchange.request);
  const requires = requiredBy(edge, type, id);

  const written = await resources.db.write(async (tx): Promise<Write> => {
    await resources.lock(tx);
    const previous = await resources.get(id, tx);
    const from = previous ?? preset;
    if (verb === 'patch' && !from) throw resourceNotFound(id);
    const { body, secrets } = content ?? readPatch(type, from!, input);
    if (previous?.state === 'Deleting') throw beingDeleted(id);
    if (previous) requireUnchanged(type, previous, body);
    const inside = { ...context, secrets, tx };
    await edge.admit(inside, body, previous);
    const next = await decide(edge, inside, { body, secrets }, previous, verb);
    const put = await resources.put(id, next, {
      ...preconditionsOn(previous ? undefined : preset, asked),
      by: context.by,
      registryId: edge.registryIdOf(id),
      most: type.most,
      mostBytes: type.mostBytes,
      requires,
      tx,
    });
    await handlersOf(edge, type).afterWrite?.(inside, put.resource, put.previous);
    const secret = Object.keys(secrets).length > 0 ? JSON.stringify(secrets) : undefined;
    return { ...put, operation: await begin(edge, inside, verb, put.resource, secret) };
  });
  await edge.refresh();
  const { resource, previous, operation } = written;
  if (operation !== undefined) edge.carrier.begun({ id: operation, resource: armKey(id)! });
  return json(await present(call, context, resource), (previous ?? preset) ? 200 : 201, {
    ETag: quoted(resource.etag),
    ...(operation !== undefined && operationHeaders(call, id, operation, false)),
  });
}

/** The body that will be stored. */
async function decide(
  edge: Edge,
  context: WriteHookContext,
  { body }: Written,
  previous: Resource | undefined,
  verb: 'put' | 'patch',
): Promise<ResourceBody> {
  const waits = context.type.longRunning.includes(verb);
  const state = waits ? (previous ? 'Updating' : 'Creating') : undefined;
  const next: ResourceBody = { ...body, own: previous?.own, state };
  const decided = await handlersOf(edge, context.type).beforeWrite?.(context, next, previous);
  return decided ?? next;
}

/** DELETE of a resource; 204 where there is none. */
export async function deleteResource(call: Call, route: RouteOf<'resource'>): Promise<Response> {
  const { edge, exchange } = call;
  const { resources } = edge;
  const { type, id } = route;
  const context = hookContext(call, route, route.name);
  refuseBuiltIn(call, context);
  const handlers = handlersOf(edge, type);
  const { mostBytes } = type;
  const change = { ...preconditionsOf(exchange.request), by: context.by, registryId: edge.registryIdOf(id), mostBytes };
  const waits = type.longRunning.includes('delete');

  const deleted = await resources.db.write(async (tx) => {
    await resources.lock(tx);
    const resource = await resources.get(id, tx);
    const inside = { ...context, tx };
    if (resource) await handlers.beforeDelete?.(inside, resource);
    if (resource && waits) {
      const marked = await resources.patch(id, (previous) => ({ ...previous, state: 'Deleting' }), { ...change, tx });
      return { resource: marked.resource, operation: await begin(edge, inside, 'delete', marked.resource) };
    }
    const gone = await resources.delete(id, { ...change, cascade: type.cascade, tx });
    if (gone) await handlers.afterDelete?.(inside, gone);
    return { resource, operation: undefined };
  });
  await edge.refresh();
  const { resource, operation } = deleted;
  if (!resource) return empty(204);
  if (operation === undefined) return json(await present(call, context, resource));
  edge.carrier.begun({ id: operation, resource: armKey(id)! });
  return empty(202, operationHeaders(call, id, operation, true));
}

/** Records that the rest of a write is to be done, where there is any. */
async function begin(
  edge: Edge,
  context: HookContext & { tx: Transaction },
  verb: 'put' | 'patch' | 'delete',
  { state }: Resource,
  secret?: string,
): Promise<string | undefined> {
  const { type, id, by } = context;
  if (!type.longRunning.includes(verb)) return undefined;
  const work: Work = { kind: verb, type: type.type, id, state, hasSecret: secret !== undefined };
  return edge.operations.start(context.tx, { resourceId: id, principal: by, work, seal: sealing(edge, secret) });
}

/** Nobody else has written what is there as long as nothing is stored. */
function preconditionsOn(preset: Resource | undefined, preconditions: Preconditions): Preconditions {
  const { ifMatch } = preconditions;
  if (!preset || ifMatch === undefined || (ifMatch !== '*' && !ifMatch.includes(preset.etag))) return preconditions;
  return { ifNoneMatch: '*' };
}

/** What an extension extends must be there; the parent of a child is looked at anyway. */
function requiredBy(edge: Edge, type: ResourceType, id: string): string[] {
  if (type.scope !== 'extension') return [];
  const owner = ownerOf(edge, parseArmId(id)!.parent!);
  return owner === undefined ? [] : [owner];
}

function beingDeleted(id: string): ManagementError {
  return new ManagementError('Conflict', 'the resource is being deleted; wait until it is gone', { target: id });
}

/** InvalidResourceName where no resource of the type can have the name. */
export function requireName({ name: { pattern, says }, type }: ResourceType, name: string): void {
  if (pattern.test(name)) return;
  throw new ManagementError('InvalidResourceName', `the name of a resource of type ${type} has ${says}`, {
    target: 'name',
  });
}

function refuseBuiltIn(call: Call, context: HookContext): void {
  if (!builtInOf(call, context)) return;
  throw new ManagementError('Conflict', 'this is built in and cannot be changed; create one of your own', {
    target: context.id,
  });
}

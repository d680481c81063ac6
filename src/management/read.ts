import { armKey, ManagementError, parseArmId } from '../operations/index.ts';
import { type Page, type Resource, resourceNotFound } from '../resources/index.ts';
import { builtInOf, type Call, type Edge, handlersOf, hookContext, presetOf, type RouteOf } from './edge.ts';
import { json, present, quoted } from './envelope.ts';
import type { HookContext, ServedType } from './handlers.ts';

export async function getResource(call: Call, route: RouteOf<'resource'>): Promise<Response> {
  const context = hookContext(call, route, route.name);
  const { get } = handlersOf(call.edge, route.type);
  const made = builtInOf(call, context) ?? (await get?.(context));
  const resource = made ?? (await call.edge.resources.get(route.id)) ?? (await presetIn(call, context));
  if (!resource) throw resourceNotFound(route.id);
  return json(await present(call, context, resource), 200, { ETag: quoted(resource.etag) });
}

/** There is none in what is not there itself. */
async function presetIn(call: Call, context: HookContext): Promise<Resource | undefined> {
  const preset = presetOf(call, context);
  const owner = preset && ownerOf(call.edge, parseArmId(context.id)!.parent!);
  return owner === undefined || (await call.edge.resources.get(owner)) ? preset : undefined;
}

/** A page of a collection, with the link to the next one. */
export async function listResources(call: Call, route: RouteOf<'collection'>): Promise<Response> {
  const { edge, query } = call;
  const { resources } = edge;
  const { type, all } = route;
  await requireOwner(call, route.id);
  const context = hookContext(call, route);
  const last = readSkipToken(query.get('$skipToken'));
  const after = last && armKey(last);
  const wanted = {
    type: type.type,
    parent: all ? undefined : route.id,
    after,
    last,
    limit: readTop(query.get('$top')),
  };
  const list = handlersOf(edge, type).list;
  const page: Page = list ? await list(context, wanted, resources.db) : await resources.list(wanted);
  const builtIns =
    after === undefined
      ? [...(handlersOf(edge, type).builtIns?.(context) ?? []), ...(await presetsOf(call, context))]
      : [];
  const value = await Promise.all(
    [...builtIns, ...page.resources.filter(({ id }) => edge.shows(call.exchange, id))].map((resource) =>
      present(call, { ...context, id: resource.id, name: resource.name }, resource),
    ),
  );
  return json({ value, ...(page.after !== undefined && { nextLink: nextLink(call, page.after) }) });
}

/** Those of which none is stored now. */
async function presetsOf({ edge }: Call, context: HookContext): Promise<Resource[]> {
  const presets = handlersOf(edge, context.type).presets?.(context) ?? [];
  const stored = await Promise.all(presets.map(({ id }) => edge.resources.get(id)));
  return presets.filter((_, at) => !stored[at]);
}

/**
 * The nearest resource of a declared type that is stored, which an id lies in or is; undefined where that is a group or the
 * tenant.
 */
export function ownerOf({ types }: Pick<Edge, 'types'>, id: string): string | undefined {
  const arm = parseArmId(id);
  if (!arm || arm.type === '' || /^\/subscriptions\/[^/]+(?:\/resourceGroups\/[^/]+)?$/i.test(arm.id)) return undefined;
  const served = types.get(arm.type.toLowerCase());
  if (served && isStored(served)) return arm.id;
  if (arm.isChild) return ownerOf({ types }, arm.parent!);
  throw new ManagementError('InvalidResourceType', `the resource type ${arm.type} could not be found`);
}

/** What nobody can write is a view of something else. */
function isStored({ type: { verbs } }: ServedType): boolean {
  return verbs.includes('put');
}

/** What a collection lies in must be there. */
async function requireOwner(call: Call, id: string): Promise<void> {
  const { edge } = call;
  const arm = parseArmId(id);
  const served = arm && edge.types.get(arm.type.toLowerCase());
  const isView = served && !isStored(served);
  const owner = isView ? id : ownerOf(edge, id);
  if (owner === undefined) return;
  const isThere = isView
    ? await served.handlers.get?.(hookContext(call, { id, type: served.type }, arm.name))
    : await edge.resources.get(owner);
  if (isThere) return;
  throw new ManagementError(
    'ParentResourceNotFound',
    `the resource ${owner} was not found; there is nothing to list in it`,
    { target: owner },
  );
}

function nextLink({ edge, exchange, query }: Call, after: string): string {
  const next = new URLSearchParams(query);
  next.set('$skipToken', Buffer.from(after).toString('base64url'));
  return `${edge.originOf(exchange)}${exchange.path}?${next}`;
}

/** A token is the id, or the key, of the last resource that was shown. */
function readSkipToken(token: string | null): string | undefined {
  if (token === null) return undefined;
  const id = token.length <= 4096 ? Buffer.from(token, 'base64url').toString() : '';
  if (armKey(id) !== undefined) return id;
  throw new ManagementError('InvalidParameter', 'the $skipToken is malformed; follow nextLink as it was answered', {
    target: '$skipToken',
  });
}

/** Resources of a page: no more than so many, whoever asks for more. */
const largestPage = 100;

/** How many a client wants at most on a page. InvalidParameter. */
function readTop(top: string | null): number {
  if (top === null) return largestPage;
  if (/^[1-9][0-9]{0,8}$/.test(top)) return Math.min(Number(top), largestPage);
  throw new ManagementError('InvalidParameter', '$top must be a number from 1 on; pages have 100 at most', {
    target: '$top',
  });
}

import {
  armKey,
  ManagementError,
  type Operation,
  type Operations,
  resourceGroup,
  subscriptionId,
  type WrittenBody,
} from '../operations/index.ts';
import type { Resource, Resources } from '../resources/index.ts';
import type { Exchange } from './exchange.ts';
import type { HookContext, ServedProviderAction, ServedType, WriteHookContext } from './handlers.ts';
import type { Route } from './match.ts';

export interface ManagementOptions {
  types: readonly ServedType[];
  providerActions?: readonly ServedProviderAction[];
  resources: Resources;
  operations: Operations;
  /**
   * Whether the principal may do this (`NAMESPACE/TYPE/read` …) to this id. Asked once for each request, before anything
   * is read: a resource that is not there and one that is forbidden are the same to who may not know.
   */
  authorise(exchange: Exchange, action: string, id: string): boolean | Promise<boolean>;
  /** Whether a list may show a resource to whoever was let in to read all that there is; by default it may. */
  shows?(exchange: Exchange, id: string): boolean;
  /** Name of the principal, for people: in `systemData` and in refusals. */
  describe(principal: unknown): string;
  /**
   * Asked in the transaction of a write before anything else, with all other writers kept out: throws what the registry's
   * tier does not allow.
   */
  admit?(context: WriteHookContext, body: WrittenBody, previous: Resource | undefined): Promise<void>;
  /** Called after each write and each action, before the answer: the mirrors of this process read what is new. */
  refresh?(): Promise<unknown>;
  /** Registry that events of a resource belong to; 0 for none. */
  registryIdOf?(id: string): number;
  /** Scheme and host that the client uses; default: those of the request. */
  originOf?(exchange: Exchange): string;
  /** Told of what failed after its request was answered. */
  failed?(error: unknown): void;
  /** Told how each operation that this process carried out has ended. */
  ended?(ended: EndedOperation): void;
  /** Whether this process carries out what takes longer than a request: where nodes do not tell, one process does. */
  carriesOut?: boolean;
  /** Seals what must not lie in the facts as it is, bound to an id; left out where there is nothing to seal it under. */
  sealer?: { seal(text: string, boundTo: string): string; unseal(sealed: string, boundTo: string): string } | undefined;
  /** Current time (ms). */
  now(): number;
}

/** An operation that is over. */
export interface EndedOperation {
  operation: string;
  /** The resource that it concerned, and the permission that it was begun by. */
  id: string;
  action: string;
  /** Who began it, for people to read. */
  by: string;
  status: 'Succeeded' | 'Failed';
  /** Why it failed, in ARM's words. */
  error?: { code: string; message: string };
}

/** What the handlers of routes work with. */
export interface Edge extends Required<Omit<ManagementOptions, 'types' | 'providerActions'>> {
  /** By type, lower-cased. */
  types: ReadonlyMap<string, ServedType>;
  readBody(request: Request): Promise<unknown>;
  carrier: Carrier;
}

/** An operation, and the key of the resource that it concerns. */
export type Begun = Pick<Operation, 'id' | 'resource'>;

/** What carries out that which takes longer than a request. */
export interface Carrier {
  /** What the row of an operation does not show; before the row is there. */
  keep(id: string, secret: string): void;
  /** An operation has begun: it is carried out here if it may. */
  begun(operation: Begun): void;
  takeUp(): Promise<boolean>;
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** One request on its way, after the rights were checked. */
export interface Call {
  edge: Edge;
  exchange: Exchange;
  query: URLSearchParams;
  apiVersion: string;
}

export type RouteOf<K extends Route['kind']> = Extract<Route, { kind: K }>;

export function handlersOf({ types }: Edge, { type }: { type: string }): ServedType['handlers'] {
  return types.get(type.toLowerCase())!.handlers;
}

export function hookContext(call: Call, served: { id: string; type: HookContext['type'] }, name = ''): HookContext {
  const { edge, exchange } = call;
  return {
    exchange,
    principal: exchange.principal,
    by: edge.describe(exchange.principal),
    id: served.id,
    name,
    type: served.type,
    now: edge.now(),
    origin: edge.originOf(exchange),
    secrets: {},
  };
}

/** A resource that always exists, where the id is that of one. */
export function builtInOf({ edge }: Call, context: HookContext): Resource | undefined {
  const builtIns = handlersOf(edge, context.type).builtIns?.(context) ?? [];
  return builtIns.find(({ id }) => armKey(id) === armKey(context.id));
}

/** One that is there if none is stored, where the id is that of one. */
export function presetOf({ edge }: Call, context: HookContext): Resource | undefined {
  const presets = handlersOf(edge, context.type).presets?.(context) ?? [];
  return presets.find(({ id }) => armKey(id) === armKey(context.id));
}

/** There is one subscription and one group; whatever lies in another is not there. */
export function requireScope(id: string): void {
  const [, first, subscription, second, group] = id.split('/');
  if (first?.toLowerCase() !== 'subscriptions' || subscription === undefined) return;
  if (subscription.toLowerCase() !== subscriptionId) {
    throw new ManagementError(
      'SubscriptionNotFound',
      `the subscription ${subscription} could not be found; this server has ${subscriptionId} alone`,
    );
  }
  if (second?.toLowerCase() !== 'resourcegroups' || group === undefined) return;
  if (group.toLowerCase() !== resourceGroup) {
    throw new ManagementError(
      'ResourceGroupNotFound',
      `resource group ${group} could not be found; this server has ${resourceGroup} alone`,
    );
  }
}

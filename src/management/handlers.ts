import type { LookUps, Transaction } from '../database/index.ts';
import type { ProviderAction, ResourceType } from '../operations/index.ts';
import type { ListQuery, Page, Resource, ResourceBody } from '../resources/index.ts';
import type { Exchange } from './exchange.ts';

/** What hooks know of the request. */
export interface HookContext {
  exchange: Exchange;
  principal: unknown;
  /** Who it is, for people to read. */
  by: string;
  /** Id of the resource, or of what a collection lies in. */
  id: string;
  name: string;
  type: ResourceType;
  /** Current time (ms). */
  now: number;
  /** Scheme and host under which the client knows the server. */
  origin: string;
  /** Values of the properties that are declared as secrets, by path; those that this request brought. */
  secrets: Record<string, unknown>;
}

/** A hook in the transaction of a write: nothing but its statements may be awaited. It may run more than once. */
export interface WriteHookContext extends HookContext {
  tx: Transaction;
}

type Later<T> = T | Promise<T>;

/** What a capability adds to a type of resource. All of it may be left out. */
export interface ResourceHandlers {
  /**
   * Looks at a write before it happens, with all other writers kept out; throws what speaks against it. What it returns
   * replaces the body: the place to set `own`, which otherwise stays what it was.
   */
  beforeWrite?(
    context: WriteHookContext,
    next: ResourceBody,
    previous: Resource | undefined,
  ): Later<ResourceBody | void>;
  /** Changes facts of the capability's own along with it. */
  afterWrite?(context: WriteHookContext, resource: Resource, previous: Resource | undefined): Later<void>;
  beforeDelete?(context: WriteHookContext, resource: Resource): Later<void>;
  /** Gets all resources that went, of other types too; the one that was to be deleted is the last. */
  afterDelete?(context: WriteHookContext, gone: readonly Resource[]): Later<void>;
  /** The read-only properties that an answer has. */
  present?(resource: Resource, context: HookContext): Later<Record<string, unknown>>;
  /** Resources that always exist and that nobody may change, such as built-in roles; in lists they come first. */
  builtIns?(context: HookContext): readonly Resource[];
  /**
   * Resources that are there as long as none of their id is stored: a write makes one of it, a deletion brings it back.
   * Without those that are stored.
   */
  presets?(context: HookContext): readonly Resource[];
  /** One that is stored nowhere, looked for before those that are. */
  get?(context: HookContext): Later<Resource | undefined>;
  /** Replaces the look-up of a list, such as where one shows what other scopes have. */
  list?(context: HookContext, query: ListQuery, reader: LookUps): Later<Page>;
  /** For what takes longer than a request; the resource is `Creating`, `Updating` or `Deleting` until it has ended. */
  run?(context: HookContext, verb: 'put' | 'patch' | 'delete', resource: Resource): Promise<void>;
  /** By the names of the declared actions; each gets what its schema has read, and a resource that exists. */
  actions?: Record<string, (context: HookContext, input: unknown, resource: Resource) => Later<unknown>>;
}

/** A declared type with its handlers. */
export interface ServedType {
  type: ResourceType;
  handlers: ResourceHandlers;
}

/** A declared action of a provider with its handler. */
export interface ServedProviderAction {
  action: ProviderAction;
  handle(context: Omit<HookContext, 'type' | 'name'>, input: unknown): Later<unknown>;
}

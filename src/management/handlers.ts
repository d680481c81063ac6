import type { LookUps, Transaction } from '../database/index.ts';
import type { Progress, ProviderAction, ResourceType } from '../operations/index.ts';
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
  /**
   * Gets all resources that went, of other types too; the one that was to be deleted is the last. Of what takes longer than a
   * request there is no request any more.
   */
  afterDelete?(context: Pick<WriteHookContext, 'id' | 'by' | 'now' | 'tx'>, gone: readonly Resource[]): Later<void>;
  /** The read-only properties that an answer has. */
  present?(resource: Resource, context: HookContext): Later<Record<string, unknown>>;
  /** Resources that always exist and that nobody may change, such as built-in roles; in lists they come first. */
  builtIns?(context: HookContext): readonly Resource[];
  /**
   * Resources that are there as long as none of their id is stored: a write makes one of it, a deletion brings it back. All of
   * them, whatever is stored: what a mirror says of that may be older than what another process has just written.
   */
  presets?(context: HookContext): readonly Resource[];
  /** One that is stored nowhere, looked for before those that are. */
  get?(context: HookContext): Later<Resource | undefined>;
  /**
   * Replaces the look-up of a list, such as where one shows what other scopes have. `last` is the `after` of the page before, as
   * it was returned.
   */
  list?(context: HookContext, query: ListQuery & { last?: string | undefined }, reader: LookUps): Later<Page>;
  /**
   * For what takes longer than a request; the resource is `Creating`, `Updating` or `Deleting` until it has ended. Another
   * process may call it again where one has ended in the middle.
   */
  run?(task: Task, verb: 'put' | 'patch' | 'delete', resource: Resource): Promise<void>;
  /** By the names of the declared actions; each gets what its schema has read, and a resource that exists. */
  actions?: Record<string, (context: HookContext, input: unknown, resource: Resource) => Later<unknown>>;
  /** Those of the actions that take longer than a request. */
  longActions?: Record<string, LongAction>;
}

/** An action whose work outlives the request, and the process that took it. */
export interface LongAction {
  /** Looks at the request with the rights of who sent it; throws what speaks against it. */
  begin(context: HookContext, input: unknown, resource: Resource): Later<BegunAction>;
  /** Does it, with nothing but what `begin` returned: in any process, and again where one has ended in the middle. */
  carryOut(task: Task, input: unknown): Promise<unknown>;
}

export interface BegunAction {
  /** All that the work needs. It lies in the facts as JSON. */
  input: unknown;
  /** What of it must not lie there as it is. */
  secret?: string | undefined;
}

/** What carries out an operation knows of it. */
export interface Task {
  /** Id of the operation. */
  operation: string;
  /** The resource that it concerns. */
  id: string;
  name: string;
  type: ResourceType;
  /** Who began it, for people to read. */
  by: string;
  startedAt: number;
  /** Ends the work where this process ends, or another one has taken it: it is not over then. */
  signal: AbortSignal;
  /** What was kept sealed. Throws where it is lost: it was in the memory of a process that has ended. */
  secret(): string | undefined;
  /** How far it had come, where somebody has begun before. */
  progress: Progress | undefined;
  /** Says how far it has come. */
  report(progress: Progress): Promise<void>;
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

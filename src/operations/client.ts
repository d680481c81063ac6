import type { z } from 'zod';
import { latestVersion } from './api-versions.ts';
import { formatId } from './arm-id.ts';
import { errorOf } from './client-error.ts';
import { createFollower, pathOf, type WireOperation } from './client-follow.ts';
import type { ManagementAction, ProviderAction, ResourceType } from './declare.ts';
import { groupScope, subscriptionScope } from './scopes.ts';

export interface ManagementClientOptions {
  /** Sends a request, with whatever authenticates it. */
  fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** Such as `https://registry.example.com`. */
  endpoint: string;
  /** Waits (ms) between two looks at what is long-running. */
  sleep?(ms: number): Promise<void>;
  /** How long something long-running is followed (ms). */
  patienceMs?: number;
}

/** A resource as it is answered. */
export interface WireResource<T extends ResourceType = ResourceType> {
  id: string;
  name: string;
  type: string;
  location?: string;
  tags?: Record<string, string>;
  sku?: Record<string, unknown>;
  identity?: Record<string, unknown>;
  properties: z.output<T['properties']> & Partial<z.output<T['readOnly']>>;
  systemData?: { createdBy: string; createdAt: string; lastModifiedBy: string; lastModifiedAt: string };
  etag: string;
}

/** What a client writes. */
export interface WireContent<T extends ResourceType = ResourceType> {
  location?: string;
  tags?: Record<string, string>;
  sku?: Record<string, unknown>;
  identity?: Record<string, unknown>;
  properties?: z.input<T['properties']>;
}

/** A merge patch: null takes away. */
export interface WirePatch<T extends ResourceType = ResourceType> {
  tags?: Record<string, string | null> | null;
  sku?: Record<string, unknown>;
  identity?: Record<string, unknown> | null;
  properties?: MergePatch<z.input<T['properties']>>;
}

/** What is missing stays, null takes away, lists are replaced (RFC 7396). */
type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [Key in keyof T]?: MergePatch<T[Key]> | null }
    : T;

/** An id, or the names that lead to a resource in the group: `['registry', 'token']`. */
export type Place = string | readonly string[];

export interface Conditions {
  /** ETag as it was answered, or `*`. */
  ifMatch?: string;
  /** Only where there is none yet. */
  ifNoneMatch?: '*';
}

/** Calls the management API. Refusals are ManagementClientErrors; what is long-running is followed to its end. */
export interface ManagementClient {
  get<T extends ResourceType>(type: T, at: Place): Promise<WireResource<T>>;
  /** All pages. `at`: what they lie in; default: the group. */
  list<T extends ResourceType>(type: T, at?: Place, query?: Record<string, string>): Promise<WireResource<T>[]>;
  put<T extends ResourceType>(type: T, at: Place, content: WireContent<T>, on?: Conditions): Promise<WireResource<T>>;
  patch<T extends ResourceType>(type: T, at: Place, patch: WirePatch<T>, on?: Conditions): Promise<WireResource<T>>;
  /** False where there was none. */
  delete(type: ResourceType, at: Place, on?: Conditions): Promise<boolean>;
  action<I extends z.ZodType, O extends z.ZodType>(
    type: ResourceType,
    action: ManagementAction<I, O>,
    at: Place,
    input?: z.input<I>,
  ): Promise<z.output<O>>;
  /** Begins an action that takes longer than a request; resolves with the path at which its operation is looked at. */
  begin<I extends z.ZodType>(
    type: ResourceType,
    action: ManagementAction<I>,
    at: Place,
    input?: z.input<I>,
  ): Promise<string>;
  /** Looks at an operation until it has succeeded, however long that takes. */
  follow(path: string, looked?: (operation: WireOperation) => void): Promise<WireOperation>;
  providerAction<I extends z.ZodType, O extends z.ZodType>(
    action: ProviderAction<I, O>,
    input?: z.input<I>,
  ): Promise<z.output<O>>;
}

/** The id of a resource of a type; `scope` is what an extension extends, else the group. */
export function idOf({ namespace, path }: ResourceType, names: readonly string[], scope = groupScope): string {
  const words = path.split('/').slice(0, names.length);
  const own = words.flatMap((word, index) => [word, names[index]!]);
  return `${scope === '/' ? '' : scope}${formatId(['providers', namespace, ...own])}`;
}

export function createManagementClient(options: ManagementClientOptions): ManagementClient {
  const { endpoint } = options;
  const origin = endpoint.replace(/\/+$/, '');

  /** A path below the endpoint. What answers name is another's to say: only its path is followed. */
  async function send(method: string, path: string, body?: unknown, on: Conditions = {}): Promise<Response> {
    const answer = await options.fetch(`${origin}${path}`, {
      method,
      redirect: 'error',
      headers: {
        Accept: 'application/json',
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(on.ifMatch !== undefined && { 'If-Match': on.ifMatch }),
        ...(on.ifNoneMatch !== undefined && { 'If-None-Match': on.ifNoneMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw await errorOf(answer);
    return answer;
  }

  const follower = createFollower({
    look: (path) => send('GET', path),
    sleep: options.sleep ?? Bun.sleep,
    patienceMs: options.patienceMs ?? 600_000,
  });

  async function write<T extends ResourceType>(method: string, type: T, at: Place, body: unknown, on?: Conditions) {
    const path = versioned(placeOf(type, at), type);
    const answer = await send(method, path, body, on);
    if (!(await follower.ended(answer))) return (await answer.json()) as WireResource<T>;
    return (await (await send('GET', path)).json()) as WireResource<T>;
  }

  async function act(action: ManagementAction, path: string, input: unknown): Promise<unknown> {
    const body = action.method === 'GET' ? undefined : (input ?? {});
    const answer = await follower.result(await send(action.method, path, body));
    const text = await answer.text();
    if (!action.output) return undefined;
    return action.output.parse(text === '' ? undefined : JSON.parse(text));
  }

  return {
    get: async (type, at) => (await (await send('GET', versioned(placeOf(type, at), type))).json()) as never,

    async list<T extends ResourceType>(type: T, at: Place = [], query: Record<string, string> = {}) {
      const found: WireResource<T>[] = [];
      const more = new URLSearchParams(query).toString();
      let next: string | undefined = `${versioned(collectionOf(type, at), type)}${more && `&${more}`}`;
      while (next !== undefined) {
        const page = (await (await send('GET', next)).json()) as { value: WireResource<T>[]; nextLink?: string };
        found.push(...page.value);
        next = page.nextLink === undefined ? undefined : pathOf(page.nextLink);
      }
      return found;
    },

    put: (type, at, content, on) => write('PUT', type, at, content, on),
    patch: (type, at, patch, on) => write('PATCH', type, at, patch, on),

    async delete(type, at, on) {
      const answer = await send('DELETE', versioned(placeOf(type, at), type), undefined, on);
      await follower.ended(answer);
      return answer.status !== 204;
    },

    async action(type, action, at, input) {
      return (await act(action, pathOfAction(type, action, at), input)) as never;
    },

    async begin(type, action, at, input) {
      const answer = await send(action.method, pathOfAction(type, action, at), input ?? {});
      return pathOf(answer.headers.get('azure-asyncoperation') ?? '');
    },
    follow: (path, looked = () => {}) => follower.operation(path, looked),

    async providerAction(action, input) {
      const scope = { tenant: '', subscription: subscriptionScope, group: groupScope }[action.level];
      return (await act(
        action,
        versioned(`${scope}/providers/${action.namespace}/${action.name}`, action),
        input,
      )) as never;
    },
  };
}

function pathOfAction(type: ResourceType, action: ManagementAction, at: Place): string {
  const name = Object.keys(type.actions).find((one) => type.actions[one] === action);
  if (name === undefined) throw new Error(`${type.type} has no such action`);
  return versioned(`${placeOf(type, at)}/${name}`, type);
}

function placeOf(type: ResourceType, at: Place): string {
  return typeof at === 'string' ? at : idOf(type, at);
}

function collectionOf(type: ResourceType, at: Place): string {
  const words = type.path.split('/');
  const last = words.at(-1)!;
  const nested = words.length > 1;
  if (typeof at !== 'string') return nested ? `${idOf(type, at)}/${last}` : `${groupScope}/providers/${type.type}`;
  return nested ? `${at}/${last}` : `${at === '/' ? '' : at}/providers/${type.type}`;
}

function versioned(path: string, { apiVersions }: { apiVersions: readonly string[] }): string {
  return `${path}?api-version=${latestVersion(apiVersions)}`;
}

import { z } from 'zod';

/*
 * What a management resource is, declared once: validation, types, the HTTP edge, the client and the OpenAPI document
 * are made of it (ARM's resource model; acr.md §4.1).
 */

export type Verb = 'get' | 'list' | 'put' | 'patch' | 'delete';
export type WritingVerb = 'put' | 'patch' | 'delete';

export interface ResourceTypeOptions<P extends z.ZodObject, R extends z.ZodObject, A extends Actions> {
  /** Such as `Microsoft.ContainerRegistry`. */
  namespace: string;
  /** Type with its parents, such as `registries/tokens`. */
  path: string;
  /** A sentence for the reference. */
  description: string;
  name: NameRule;
  apiVersions: readonly string[];
  /** What clients may write below `properties`. Keys that are not in it are ignored. */
  properties: P;
  /** What `present` adds below `properties`; never taken from a client. */
  readOnly?: R;
  /** Writable properties, by dotted path, that stay as they were created. */
  fixed?: readonly string[];
  /** Properties, by dotted path, that are handed to the hooks and never stored. */
  secrets?: readonly string[];
  top?: Partial<TopLevel>;
  /** `group`: in the group or its parent. `extension`: at any scope. */
  scope?: 'group' | 'extension';
  /** Default: all. */
  verbs?: readonly Verb[];
  /** Replaces `NAMESPACE/TYPE/read`, `/write`, `/delete`. */
  permissions?: Partial<Permissions>;
  /**
   * Of whose id rights are asked: of its own, or, where no role is assigned at that, of that of what it lies in, or of what that
   * lies in.
   */
  rightsAt?: 'self' | 'parent' | 'grandparent';
  longRunning?: readonly WritingVerb[];
  /** Most of them in one parent. */
  most?: number;
  /** What the tier of the registry must have for one to be written. */
  feature?: string;
  /** The limit of the tier that says how many of them a registry may have; it comes before `most`. */
  limit?: string;
  /** Most bytes of one, in JSON. */
  mostBytes?: number;
  /** False: cannot be deleted while something lies in it. */
  cascade?: boolean;
  actions?: A;
}

export type Actions = Record<string, ManagementAction>;

export interface NameRule {
  pattern: RegExp;
  /** Goes on after "a name has …". */
  says: string;
}

/** The parts beside `properties`. */
export interface TopLevel {
  location: 'required' | 'optional' | 'none';
  tags: boolean;
  sku: z.ZodObject | undefined;
  identity: z.ZodObject | undefined;
}

export interface Permissions {
  read: string;
  write: string;
  delete: string;
}

export interface ResourceType<
  P extends z.ZodObject = z.ZodObject,
  R extends z.ZodObject = z.ZodObject,
  A extends Actions = Actions,
>
  extends
    Required<Omit<ResourceTypeOptions<P, R, A>, 'top' | 'permissions' | 'feature' | 'limit'>>,
    Pick<ResourceTypeOptions<P, R, A>, 'feature' | 'limit'> {
  /** `NAMESPACE/PATH`. */
  type: string;
  top: TopLevel;
  permissions: Permissions;
}

/** The writable properties of a type, validated. */
export type PropertiesOf<T extends ResourceType> = z.output<T['properties']>;

const defaultMost = 10_000;
const defaultMostBytes = 64 * 1024;
const noProperties = z.object({});

/** Declares a type of resource. */
export function resourceType<
  P extends z.ZodObject,
  R extends z.ZodObject = typeof noProperties,
  A extends Actions = Record<string, never>,
>(options: ResourceTypeOptions<P, R, A>): ResourceType<P, R, A> {
  const type = `${options.namespace}/${options.path}`;
  return {
    readOnly: noProperties as unknown as R,
    fixed: [],
    secrets: [],
    scope: 'group',
    verbs: ['get', 'list', 'put', 'patch', 'delete'],
    rightsAt: 'self',
    longRunning: [],
    most: defaultMost,
    mostBytes: defaultMostBytes,
    cascade: true,
    actions: {} as A,
    ...options,
    type,
    top: { location: 'none', tags: false, sku: undefined, identity: undefined, ...options.top },
    permissions: { read: `${type}/read`, write: `${type}/write`, delete: `${type}/delete`, ...options.permissions },
  };
}

/** Something to do with a resource: `POST ID/NAME`. */
export interface ManagementAction<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> {
  description: string;
  /** GET for what only reads, such as `listUsages`. */
  method: 'GET' | 'POST';
  /** The body; undefined where there is none. */
  input: I | undefined;
  output: O | undefined;
  /** Replaces `NAMESPACE/TYPE/NAME/action`. */
  permission: string | undefined;
  longRunning: boolean;
}

/** Declares an action of a type. */
export function action<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType>(
  options: Pick<ManagementAction<I, O>, 'description'> & Partial<ManagementAction<I, O>>,
): ManagementAction<I, O> {
  return { method: 'POST', input: undefined, output: undefined, permission: undefined, longRunning: false, ...options };
}

/** An action of a provider as a whole: `POST SCOPE/providers/NAMESPACE/NAME`. */
export interface ProviderAction<
  I extends z.ZodType = z.ZodType,
  O extends z.ZodType = z.ZodType,
> extends ManagementAction<I, O> {
  namespace: string;
  name: string;
  apiVersions: readonly string[];
  /** Where it is. */
  level: 'tenant' | 'subscription' | 'group';
}

/** Declares an action of a provider. */
export function providerAction<I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType>(
  options: Pick<ProviderAction<I, O>, 'description' | 'namespace' | 'name' | 'apiVersions'> &
    Partial<ProviderAction<I, O>>,
): ProviderAction<I, O> {
  return { ...action(options), level: 'subscription', ...options };
}

/** The permission that an action needs. */
export function permissionOf(owner: string, name: string, { permission }: ManagementAction): string {
  return permission ?? `${owner}/${name}/action`;
}

import {
  armIdOf,
  formatId,
  ManagementError,
  type ManagementAction,
  type ProviderAction,
  resourceGroup,
  type ResourceType,
  segmentsOf,
  subscriptionId,
} from '../operations/index.ts';

/**
 * What a path of the management API leads to. Paths are compared without regard to case.
 *
 *   /subscriptions[/SUB[/resourceGroups[/GROUP]]]
 *   SCOPE/providers/NAMESPACE/TYPE/NAME/…/TYPE/NAME                    resource
 *   SCOPE/providers/NAMESPACE/TYPE/NAME/…/TYPE                         collection
 *   SCOPE/providers/NAMESPACE/TYPE/NAME/ACTION                         action
 *   SCOPE/providers/NAMESPACE/TYPE/NAME/operationStatuses/ID           operation, also operationResults
 *   SCOPE/providers/NAMESPACE/ACTION                                   provider action
 */
export type Route =
  | { kind: 'subscriptions'; id: string }
  | { kind: 'subscription' | 'groups' | 'group'; id: string }
  | { kind: 'resource'; id: string; type: ResourceType; name: string }
  /** `id`: what they lie in. `all`: those of every group of the subscription. */
  | { kind: 'collection'; id: string; type: ResourceType; all: boolean }
  | { kind: 'action'; id: string; type: ResourceType; name: string; action: ManagementAction }
  | { kind: 'operation'; id: string; type: ResourceType; operation: string; results: boolean }
  | { kind: 'providerAction'; id: string; action: ProviderAction };

export interface Declared {
  types: readonly ResourceType[];
  providerActions: readonly ProviderAction[];
}

/** Whether a path is of the management API, so that its errors have ARM's form. */
export function isManagementPath(path: string): boolean {
  return /^\/(?:subscriptions|providers)(?:\/|$)/i.test(path);
}

/** Reads a path; undefined where it is none of the API. BadRequest, InvalidResourceType, NotFound. */
export function createMatch({ types, providerActions }: Declared): (path: string) => Route | undefined {
  const typeOf = new Map(types.map((type) => [type.type.toLowerCase(), type]));
  const actionOf = new Map(
    providerActions.map((one) => [`${one.level} ${one.namespace}/${one.name}`.toLowerCase(), one]),
  );

  /** The type that the words of `parts` name, and the id as it is declared, however it was asked for. */
  function typed(scope: readonly string[], namespace: string, parts: readonly string[]) {
    const words = parts.filter((_, index) => index % 2 === 0);
    const type = typeOf.get([namespace, ...words].join('/').toLowerCase());
    if (!type) return undefined;
    const own = type.path.split('/').flatMap((word, index) => [word, parts[index * 2 + 1]!]);
    return { type, segments: [...scope, 'providers', type.namespace, ...own] };
  }

  function resourceOrOperation(scope: readonly string[], level: Level, namespace: string, rest: string[]) {
    const found = typed(scope, namespace, rest);
    if (found && isPlace(found.type, level)) {
      return { kind: 'resource', type: found.type, id: formatId(found.segments), name: rest.at(-1)! } as const;
    }
    const word = rest.length > 2 ? /^operation(statuses|results)$/i.exec(rest.at(-2)!) : null;
    const owner = word && typed(scope, namespace, rest.slice(0, -2));
    if (!owner || !isPlace(owner.type, level)) return undefined;
    const results = word[1]!.toLowerCase() === 'results';
    return {
      kind: 'operation',
      type: owner.type,
      id: formatId(owner.segments),
      operation: rest.at(-1)!,
      results,
    } as const;
  }

  function collectionOrAction(scope: readonly string[], level: Level, namespace: string, rest: string[]) {
    const last = rest.at(-1)!;
    const found = typed(scope, namespace, [...rest, '']);
    const all = rest.length === 1 && level === 'subscription';
    if (found && (all || isPlace(found.type, level))) {
      const id = rest.length === 1 ? formatScope(scope) : formatId(found.segments.slice(0, -2));
      return { kind: 'collection', type: found.type, id, all: all && found.type.scope === 'group' } as const;
    }
    if (rest.length === 1) {
      const action = actionOf.get(`${level} ${namespace}/${last}`.toLowerCase());
      return action && ({ kind: 'providerAction', id: formatScope(scope), action } as const);
    }
    const owner = typed(scope, namespace, rest.slice(0, -1));
    const name = Object.keys(owner?.type.actions ?? {}).find((one) => one.toLowerCase() === last.toLowerCase());
    if (!owner || name === undefined || !isPlace(owner.type, level)) return undefined;
    const { type, segments } = owner;
    return { kind: 'action', type, id: formatId(segments), name, action: type.actions[name]! } as const;
  }

  return (path) => {
    if (!isManagementPath(path)) return undefined;
    const segments = segmentsOf(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
    if (!segments) throw new ManagementError('BadRequest', 'the path is malformed; send an id as it was answered');
    const split = lastProvider(segments);
    if (split === undefined) return scopeRoute(segments);
    const [namespace, ...rest] = segments.slice(split + 1);
    if (namespace === undefined || rest.length === 0) throw nothingHere();
    const scope = normalScope(segments.slice(0, split));
    const level = levelOf(scope);
    if (level === undefined) throw nothingHere();
    const route =
      rest.length % 2 === 0
        ? resourceOrOperation(scope, level, namespace, rest)
        : collectionOrAction(scope, level, namespace, rest);
    if (!route) throw unknownType(namespace, rest);
    return route;
  };
}

type Level = 'tenant' | 'subscription' | 'group' | 'resource';

/**
 * What kind of scope it is; undefined where it is none. Subscriptions and groups are where paths begin, and nowhere else:
 * what lies in a resource may call itself one, and belongs to that resource all the same.
 */
function levelOf(scope: readonly string[]): Level | undefined {
  if (scope.length === 0) return 'tenant';
  if (!armIdOf(scope)) return undefined;
  if (scope[0]!.toLowerCase() !== 'subscriptions' || scope.length > 4) return 'resource';
  return scope.length === 2 ? 'subscription' : 'group';
}

const scopeWords = new Map([
  ['subscriptions', 'subscriptions'],
  ['resourcegroups', 'resourceGroups'],
]);

/** Words of the scope as ARM spells them, and the one group as it is called; other names stay as they are. */
function normalScope(scope: readonly string[]): string[] {
  return scope.map((segment, index) => {
    const lower = segment.toLowerCase();
    if (index === 0 || index === 2) return scopeWords.get(lower) ?? segment;
    return (index === 1 && lower === subscriptionId) || (index === 3 && lower === resourceGroup) ? lower : segment;
  });
}

function formatScope(scope: readonly string[]): string {
  return scope.length === 0 ? '/' : formatId(scope);
}

function isPlace({ scope }: ResourceType, level: Level): boolean {
  return scope === 'extension' || level === 'group';
}

/** Where the last block of a provider begins; undefined where there is none. */
function lastProvider(segments: readonly string[]): number | undefined {
  let found: number | undefined;
  let at = segments[0]?.toLowerCase() === 'subscriptions' ? 2 : 0;
  if (segments[2]?.toLowerCase() === 'resourcegroups' && at === 2) at = 4;
  while (at < segments.length) {
    if (segments[at]!.toLowerCase() === 'providers') found = at;
    at += 2;
  }
  return found;
}

function scopeRoute(segments: readonly string[]): Route {
  const id = formatId(normalScope(segments));
  const [first, , third] = segments.map((segment) => segment.toLowerCase());
  if (first === 'subscriptions' && (third === undefined || third === 'resourcegroups')) {
    const kinds = ['subscriptions', 'subscription', 'groups', 'group'] as const;
    const kind = kinds[segments.length - 1];
    if (kind === 'groups') return { kind, id: formatId(normalScope(segments.slice(0, 2))) };
    if (kind === 'subscriptions') return { kind, id: '/' };
    if (kind) return { kind, id };
  }
  throw nothingHere();
}

function nothingHere(): ManagementError {
  return new ManagementError(
    'NotFound',
    'nothing is served at this path; docs/reference/openapi.json has all that are',
  );
}

function unknownType(namespace: string, rest: readonly string[]): ManagementError {
  const type = [namespace, ...rest.filter((_, index) => index % 2 === 0)].join('/');
  return new ManagementError('InvalidResourceType', `the resource type ${type} could not be found in this namespace`);
}

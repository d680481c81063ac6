import { parseArmId, permissionOf, subscriptionScope } from '../operations/index.ts';
import type { Route } from './match.ts';

const reads = ['GET', 'HEAD'];

/** Methods that are served at a route. */
export function methodsOf(route: Route): readonly string[] {
  switch (route.kind) {
    case 'resource': {
      const { verbs } = route.type;
      const writes = (['put', 'patch', 'delete'] as const).filter((verb) => verbs.includes(verb));
      return [...(verbs.includes('get') ? reads : []), ...writes.map((verb) => verb.toUpperCase())];
    }
    case 'collection':
      return route.type.verbs.includes('list') ? reads : [];
    case 'action':
    case 'providerAction':
      return route.action.method === 'GET' ? reads : ['POST'];
    case 'subscriptions':
    case 'subscription':
    case 'groups':
    case 'group':
    case 'operation':
      return reads;
  }
}

/** The permission that a request needs, and on what. */
export function rightOf(route: Route, method: string): { action: string; id: string } {
  const { id } = route;
  switch (route.kind) {
    case 'subscriptions':
      return { action: 'Microsoft.Resources/subscriptions/read', id: subscriptionScope };
    case 'subscription':
      return { action: 'Microsoft.Resources/subscriptions/read', id };
    case 'groups':
    case 'group':
      return { action: 'Microsoft.Resources/subscriptions/resourceGroups/read', id };
    case 'collection':
      return { action: route.type.permissions.read, id: above(id, levels[route.type.rightsAt] - 1) };
    case 'operation':
      return { action: route.type.permissions.read, id };
    case 'action': {
      const at = above(id, levels[route.type.rightsAt]);
      return { action: permissionOf(route.type.type, route.name, route.action), id: at };
    }
    case 'providerAction':
      return { action: permissionOf(route.action.namespace, route.action.name, route.action), id };
    case 'resource': {
      const { permissions, rightsAt } = route.type;
      const at = above(id, levels[rightsAt]);
      if (reads.includes(method)) return { action: permissions.read, id: at };
      return { action: method === 'DELETE' ? permissions.delete : permissions.write, id: at };
    }
  }
}

const levels = { self: 0, parent: 1, grandparent: 2 } as const;

function above(id: string, count: number): string {
  let at = id;
  for (let left = count; left > 0; left--) at = parseArmId(at)?.parent ?? at;
  return at;
}

import type { Action } from './action.ts';
import type { Route } from './match.ts';

/** What a request wants, by route and method; undefined when the method is not served there. */
export function actionOf(route: Route, method: string): Action | undefined {
  const reads = method === 'GET' || method === 'HEAD';
  switch (route.kind) {
    case 'base':
      return reads ? 'metadata' : undefined;
    case 'catalog':
    case 'tags':
    case 'referrers':
      return reads ? 'list' : undefined;
    case 'manifest':
      return reads ? 'pull' : method === 'PUT' ? 'push' : method === 'DELETE' ? 'delete' : undefined;
    case 'blob':
      return reads ? 'pull' : method === 'DELETE' ? 'delete' : undefined;
    case 'uploads':
      return method === 'POST' ? 'push' : undefined;
    case 'upload':
      return reads || method === 'PATCH' || method === 'PUT' || method === 'DELETE' ? 'push' : undefined;
  }
}

const readOnly = ['GET', 'HEAD'];

/** Methods of a route, for the Allow header of a 405. */
export function allowedMethods(route: Route): string {
  const methods = {
    base: readOnly,
    catalog: readOnly,
    tags: readOnly,
    referrers: readOnly,
    manifest: [...readOnly, 'PUT', 'DELETE'],
    blob: [...readOnly, 'DELETE'],
    uploads: ['POST'],
    upload: [...readOnly, 'PATCH', 'PUT', 'DELETE'],
  };
  return methods[route.kind].join(', ');
}

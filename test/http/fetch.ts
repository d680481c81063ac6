import { authorizationFor } from '../support/credentials.ts';

type Init = BunFetchRequestInit;

/**
 * `fetch`, as the operator where the server is one that a test has started, unless the request says itself who it comes
 * from, or that it comes from nobody.
 */
export function fetch(
  url: string | URL,
  { anonymous = false, ...init }: Init & { anonymous?: boolean } = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  const authorization = anonymous ? undefined : authorizationFor(String(url));
  if (authorization !== undefined && !headers.has('Authorization')) headers.set('Authorization', authorization);
  return globalThis.fetch(url, { ...init, headers });
}

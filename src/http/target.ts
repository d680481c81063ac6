import { RegistryError } from '../errors/index.ts';

export interface Target {
  /** Lower-cased, without port, IPv6 without brackets. */
  host: string;
  path: string;
  query: string;
}

const hostPattern = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::[0-9]{1,5})?$/;

/**
 * Host, path and query of a request. Host must be exactly one `host[:port]` (RFC 9112 §3.2): Bun joins two with a
 * comma, and with a malformed one it gives the path without normalising it, so this comes before everything else.
 */
export function targetOf(request: Request): Target {
  const match = hostPattern.exec(request.headers.get('host') ?? '');
  if (!match) throw new RegistryError('BAD_REQUEST', { message: 'the request needs exactly one valid Host header' });
  const { url } = request;
  const path = url.indexOf('/', url.indexOf('//') + 2);
  const query = url.indexOf('?', path);
  return {
    host: (match[1] ?? match[2]!).toLowerCase(),
    path: query === -1 ? url.slice(path) : url.slice(path, query),
    query: query === -1 ? '' : url.slice(query + 1),
  };
}

import { isIP } from 'node:net';
import { RegistryError } from '../errors/index.ts';

export interface Target {
  path: string;
  query: string;
}

/**
 * Path and query of a request's URL. They are normalised (`..`, `%2e`, `\` are gone) only where Bun could read the Host
 * header, so `hostOf` comes before anything is served.
 */
export function targetOf(url: string): Target {
  const authority = url.indexOf('//');
  const path = url.startsWith('/') ? 0 : url.indexOf('/', authority + 2);
  if (path === -1 || (authority === -1 && path !== 0)) return { path: '', query: '' };
  const query = url.indexOf('?', path);
  return query === -1
    ? { path: url.slice(path), query: '' }
    : { path: url.slice(path, query), query: url.slice(query + 1) };
}

const hostPattern = /^(?:\[([0-9a-fA-F:.]{2,45})\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?$/;

/** Hosts by the header that named them, of those that have come lately: clients send few, and each with every request. */
const known = new Map<string, string>();
const mostKnown = 100;

/**
 * The host that a request names: lower-cased, without port, IPv6 without brackets. The header must be exactly one
 * `host[:port]` (RFC 9112 §3.2): Bun joins two with a comma, and with a malformed one it gives the path as it was sent.
 */
export function hostOf(request: Request): string {
  const header = request.headers.get('host') ?? '';
  const before = known.get(header);
  if (before !== undefined) return before;
  const host = readHost(header);
  if (known.size === mostKnown) known.clear();
  known.set(header, host);
  return host;
}

function readHost(header: string): string {
  const match = hostPattern.exec(header);
  if (match) {
    const [, bracketed, name, port] = match;
    if (bracketed === undefined ? isReadable(name!) : isIP(bracketed) === 6) {
      if (port === undefined || Number(port) <= 65_535) return (bracketed ?? name!).toLowerCase();
    }
  }
  throw new RegistryError('BAD_REQUEST', { message: 'the request needs exactly one valid Host header' });
}

/** A name that ends in digits is read as an IPv4 address (WHATWG URL §3.5), so it must be one. */
function isReadable(name: string): boolean {
  return !/(?:^|\.)[0-9]+\.?$/.test(name) || isIP(name) === 4;
}

import { isIP } from 'node:net';
import { OutboundError } from './outbound-error.ts';

/** Where a call goes. */
export interface Target {
  /** Without user information and fragment. */
  url: URL;
  secure: boolean;
  /** Lower-case name, or an address without brackets. */
  host: string;
  port: number;
}

const longest = 8192;

/**
 * Reads a URL of http or https. A host must be written as it is meant: parsers of URLs turn `0x7f.1`, `017700000001`,
 * `127.1` and full-width digits into addresses, and who checks the text sees something else than who connects. Names with
 * other letters than ASCII are written in their `xn--` form. Throws OutboundError `bad_url`.
 */
export function targetOf(text: string): Target {
  const written = /^https?:\/\/([^/?#]+)/i.exec(text)?.[1];
  if (text.length > longest || hasOddCharacters(text) || written === undefined) {
    throw badUrl('must be an http or https URL without spaces');
  }
  if (written.includes('@')) throw badUrl('must not contain user information');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const host = written.replace(/:[0-9]*$/, '').toLowerCase();
  if (!url || url.hostname !== host || host.endsWith('.')) {
    throw badUrl('must have a host name or an IP address in its usual form');
  }
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (bare !== host && isIP(bare) !== 6) throw badUrl('must have a host name or an IP address in its usual form');
  url.hash = '';
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  if (port === 0) throw badUrl('must have a port above 0');
  return { url, secure, host: bare, port };
}

/** Where a `Location` (RFC 9110, 10.2.2) leads to from `from`. Throws OutboundError. */
export function redirectOf(from: Target, location: string): Target {
  if (/^[a-z][a-z0-9+.-]*:/i.test(location)) return targetOf(location);
  if (location.startsWith('//')) return targetOf(`${from.url.protocol}${location}`);
  if (location.length > longest || hasOddCharacters(location)) throw badUrl('must not contain spaces');
  return targetOf(new URL(location, from.url).href);
}

/** Spaces and control characters are removed, and backslashes turned, by parsers. */
function hasOddCharacters(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= 32 || code === 92 || code === 127) return true;
  }
  return false;
}

function badUrl(what: string): OutboundError {
  return new OutboundError('bad_url', `the URL ${what}`);
}

import { ContentError } from './content-error.ts';

/**
 * Where the next page of a list is, as path and query: `Link: </acr/v1/_catalog?last=X&n=2>; rel="next"` (acr §3.2, RFC 8288).
 * Undefined after the last one. A link that leads to another origin is not followed, and one that leads nowhere else would
 * never end: both throw.
 */
export function nextPage(link: string | null, current: string, origin: string): string | undefined {
  const [, target] = /^\s*<([^>]*)>\s*;(?:[^,]*;)?\s*rel="?next"?/i.exec(link ?? '') ?? [];
  if (target === undefined) return undefined;
  const next = URL.canParse(target, `${origin}${current}`) ? new URL(target, `${origin}${current}`) : undefined;
  if (next?.origin !== origin) throw broken('leads away from the registry');
  const path = `${next.pathname}${next.search}`;
  if (path === current) throw broken('leads to the page itself');
  return path;
}

function broken(how: string): ContentError {
  return new ContentError(502, 'BAD_LINK', `the link to the next page ${how}; is a proxy between here and the server?`);
}

import type { TagCondition } from '../catalog/index.ts';

/** Whether `If-None-Match` names this content (RFC 9110 §13.1.2). */
export function isNotModified(request: Request, digest: string): boolean {
  const header = request.headers.get('if-none-match');
  return header !== null && header.length <= 4096 && names(header, digest, 'weak');
}

/**
 * What `If-Match` and `If-None-Match` demand of the tag that a request writes (RFC 9110 §13.1). Clients that read a
 * list, add to it and write it back (distribution-spec "Referrers Tag Schema") then cannot undo each other's work. What a
 * digest names never changes, so a condition on it protects nothing.
 */
export function tagCondition({ headers }: Request): TagCondition | undefined {
  const match = headers.get('if-match');
  const noneMatch = headers.get('if-none-match');
  if (match === null && noneMatch === null) return undefined;
  return (digest) => {
    if (digest === undefined) return match === null;
    if (match !== null && !names(match, digest, 'strong')) return false;
    return noneMatch === null || !names(noneMatch, digest, 'weak');
  };
}

/** Whether a list of entity tags has the one of this content, bare digests included, or is `*`. */
function names(header: string, digest: string, comparison: 'weak' | 'strong'): boolean {
  return header.split(',').some((item) => {
    const tag = item.trim();
    if (tag === '*' || tag === `"${digest}"` || tag === digest) return true;
    return comparison === 'weak' && tag === `W/"${digest}"`;
  });
}

/** Whether a Range is meant for this content: `If-Range` may demand that it be the one the client knows (RFC 9110 §13.1.5). */
export function rangeApplies(request: Request, digest: string): boolean {
  const header = request.headers.get('if-range');
  // A date or a weak tag says too little of content that has no other name than its digest.
  return header === null || header.trim() === `"${digest}"`;
}

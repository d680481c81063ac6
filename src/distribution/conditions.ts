/** Whether `If-None-Match` names this content (RFC 9110 §13.1.2; weak comparison). */
export function isNotModified(request: Request, digest: string): boolean {
  const header = request.headers.get('if-none-match');
  if (header === null || header.length > 4096) return false;
  return header.split(',').some((item) => {
    const tag = item.trim();
    return tag === '*' || tag === `"${digest}"` || tag === `W/"${digest}"` || tag === digest;
  });
}

/** Whether a Range is meant for this content: `If-Range` may demand that it be the one the client knows (RFC 9110 §13.1.5). */
export function rangeApplies(request: Request, digest: string): boolean {
  const header = request.headers.get('if-range');
  // A date or a weak tag says too little of content that has no other name than its digest.
  return header === null || header.trim() === `"${digest}"`;
}

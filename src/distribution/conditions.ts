/** Whether `If-None-Match` names this content (RFC 9110 §13.1.2; weak comparison). */
export function isNotModified(request: Request, digest: string): boolean {
  const header = request.headers.get('if-none-match');
  if (header === null || header.length > 4096) return false;
  return header.split(',').some((item) => {
    const tag = item.trim();
    return tag === '*' || tag === `"${digest}"` || tag === `W/"${digest}"` || tag === digest;
  });
}

/** An ETag without its quotes, with which clients keep it or not (RFC 9110 §8.8.3). A weak one stays what it is: it never matches. */
export function bareEtag(etag: string): string {
  const text = etag.trim();
  return /^"[^"]*"$/.test(text) ? text.slice(1, -1) : text;
}

import type { RegistryError } from '../errors/index.ts';

/**
 * The body and headers of an error (distribution-spec "Error Codes"). A HEAD has no body, so the reason also travels
 * in `Warning: 299`, except of a miss, which is an answer.
 */
export function renderError(error: RegistryError, method: string, requestId: string): Response {
  const body = JSON.stringify({
    errors: [{ code: error.code, message: error.message, detail: detailOf(error.detail, requestId) }],
  });
  const headers: Record<string, string> = {
    'Content-Type': 'application/json',
    'X-Ms-Correlation-Request-Id': requestId,
    ...error.headers,
  };
  if (error.status === 503 || error.status === 429) headers['Retry-After'] ??= '5';
  // What is left of a body that came too slowly is not worth waiting for (RFC 9110 §15.5.9).
  if (error.status === 408) headers.Connection = 'close';
  if (method !== 'HEAD') return new Response(body, { status: error.status, headers });
  if (error.status !== 404) headers.Warning = `299 - "${quotable(error.message)}"`;
  headers['Content-Length'] = String(Buffer.byteLength(body));
  return new Response(null, { status: error.status, headers });
}

/** A message may hold what a client sent; a header holds printable ASCII, its quoted string neither of two characters. */
function quotable(message: string): string {
  return message.slice(0, 1024).replaceAll(/[^ !#-[\]-~]/g, ' ');
}

/** A list, which is what a challenge says is missing, is left as it is (acr §2.1): the headers have the id as well. */
function detailOf(detail: unknown, requestId: string): unknown {
  if (Array.isArray(detail)) return detail;
  return { ...(typeof detail === 'object' ? detail : {}), requestId };
}

import { RegistryError } from '../errors/index.ts';

/**
 * What the system and the databases call a lack of space, and a lack of anything that may be back soon. Of PostgreSQL:
 * disk full; too many connections, a statement that took too long, a server that only reads (Appendix A).
 */
const full = new Set(['ENOSPC', 'EDQUOT', 'SQLITE_FULL', 'SQLITE_IOERR_SHMSIZE', '53100']);
const passing = new Set(
  'EMFILE ENFILE EROFS ECONNREFUSED ECONNRESET ETIMEDOUT EPIPE SQLITE_BUSY SQLITE_READONLY 53300 57014 25006'.split(
    ' ',
  ),
);

/** Connection exceptions, and a server that is starting or stopping (PostgreSQL, Appendix A). */
const disconnected = /^(?:08\w{3}|57P0[1-3])$/;

/** Whatever was thrown as the error that callers may see. Unknown failures say nothing of what is inside. */
export function asRegistryError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  const code = codeOf(thrown);
  if (code !== undefined) {
    if (full.has(code)) return new RegistryError('INSUFFICIENT_STORAGE', { cause: thrown });
    if (passing.has(code) || disconnected.test(code)) return new RegistryError('UNAVAILABLE', { cause: thrown });
  }
  return new RegistryError('UNKNOWN', {
    message: 'the registry failed to answer; the log has the reason under this request id',
    cause: thrown,
  });
}

/** The first code of an error and what is behind it: what only follows from a failure has none of its own. */
function codeOf(thrown: unknown): string | undefined {
  for (let error = thrown, depth = 0; error instanceof Object && depth < 4; depth++) {
    const { code, cause } = error as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') return code;
    error = cause;
  }
  return undefined;
}

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

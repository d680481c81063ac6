import { RegistryError } from '../errors/index.ts';

/** Whatever was thrown as the error that callers may see. Unknown failures say nothing of what is inside. */
export function asRegistryError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  const { code } = (thrown ?? {}) as { code?: string };
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL') {
    return new RegistryError('INSUFFICIENT_STORAGE', { cause: thrown });
  }
  return new RegistryError('UNKNOWN', {
    message: 'the registry failed to answer; the log has the reason under this request id',
    cause: thrown,
  });
}

/**
 * The body and headers of an error (distribution-spec "Error Codes"). A HEAD has no body, so the reason also travels
 * in `Warning: 299`.
 */
export function renderError(error: RegistryError, request: Request, requestId: string): Response {
  const detail = typeof error.detail === 'object' && error.detail !== null ? error.detail : {};
  const body = JSON.stringify({ errors: [{ code: error.code, message: error.message, detail: { ...detail, requestId } }] });
  const headers: Record<string, string> = { 'Content-Type': 'application/json', ...error.headers };
  if (error.status === 503 || error.status === 429) headers['Retry-After'] ??= '5';
  if (hasUnreadBody(request)) headers.Connection = 'close';
  if (request.method !== 'HEAD') return new Response(body, { status: error.status, headers });
  if (error.status !== 404) headers.Warning = `299 - "${error.message.replaceAll(/["\\\r\n]/g, ' ').slice(0, 1024)}"`;
  headers['Content-Length'] = String(Buffer.byteLength(body));
  return new Response(null, { status: error.status, headers });
}

/** Small bodies are cheaper to swallow than a new connection is to open (bytes). */
const swallowed = 64 * 1024;

/** After an early refusal Bun would swallow the body to its end; the connection is closed instead. */
function hasUnreadBody(request: Request): boolean {
  if (request.method === 'GET' || request.method === 'HEAD') return false;
  if (request.headers.has('transfer-encoding')) return true;
  return Number(request.headers.get('content-length') ?? 0) > swallowed;
}

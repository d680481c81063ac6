import { RegistryError } from './registry-error.ts';

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

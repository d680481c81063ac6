/*
 * Why facts could not be opened, in words for whoever starts the server. What the databases say by themselves names
 * neither the file or server nor the way out. What is no error of theirs passes unchanged.
 */

const sqliteReasons: Record<string, string> = {
  SQLITE_NOTADB: 'it is damaged, or no database; restore the data directory from a backup',
  SQLITE_CORRUPT: 'it is damaged; restore the data directory from a backup',
  SQLITE_CANTOPEN: 'this user may not read and write it, or it is not a file',
  SQLITE_READONLY: 'this user may not write it',
  SQLITE_FULL: 'no space is left on its file system',
  // The index of the log, which is shared memory in a file, could not grow.
  SQLITE_IOERR_SHMSIZE: 'no space is left on its file system',
  SQLITE_IOERR: 'the file system fails',
};

export function sqliteOpenError(path: string, error: unknown): unknown {
  const { code = '', message } = error as { code?: string; message: string };
  const found = Object.keys(sqliteReasons).find((name) => code.startsWith(name));
  if (found === undefined) return error;
  return new Error(`cannot open the facts in ${path}: ${sqliteReasons[found]} (${message})`, { cause: error });
}

const unreachable = 'check that it runs, and that database.url has the right address';

/** By what the system says of a connection, and by PostgreSQL's SQLSTATE. */
const postgresReasons: Record<string, string> = {
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: unreachable,
  ENOENT: unreachable,
  EAI_AGAIN: unreachable,
  ENOTFOUND: unreachable,
  '28P01': 'check user and password',
  '28000': 'check user and password, and its pg_hba.conf',
  '3D000': 'make it with createdb',
  '42501': 'this user may not make tables there',
  '53300': 'raise its max_connections, or lower database.poolSize',
};

export function postgresOpenError(url: string, error: unknown): unknown {
  const { code = '', message, errors } = error as { code?: string; message: string; errors?: Error[] };
  // A name with two addresses gives an error for each, and none of its own.
  const said = message || (errors ?? []).map((one) => one.message).join('; ');
  const reason = /password must be a string/.test(said)
    ? 'it asks for a password; give one by BONDED_DATABASE_URL_FILE, PGPASSWORD or PGPASSFILE'
    : postgresReasons[code] && `${said}; ${postgresReasons[code]}`;
  if (reason) return failed(url, reason, error);
  if (/timeout/i.test(said)) return failed(url, `${said}; ${unreachable}`, error);
  if (/SSL|certificate/i.test(said))
    return failed(url, `${said}; check sslmode and sslrootcert in database.url`, error);
  return error;
}

/** Names host, port and database; never user or password. */
function failed(url: string, reason: string, cause: unknown): Error {
  const { host, pathname } = URL.canParse(url) ? new URL(url) : { host: '', pathname: '' };
  return new Error(`PostgreSQL${host && ` at ${host}${pathname}`}: ${reason}`, { cause });
}

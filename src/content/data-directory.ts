import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { joinDirectory, lockDirectory } from '../database/index.ts';

const notOurs = 'this user may not write there; give it to this user, or choose another with --data';

/** What it means to the operator, by what the system or SQLite (for the lock) said. */
const reasons: Record<string, string> = {
  EEXIST: 'it is not a directory',
  ENOTDIR: 'it is not a directory',
  ENOENT: 'the directory above it does not exist and cannot be made',
  EACCES: notOurs,
  EPERM: notOurs,
  SQLITE_CANTOPEN: notOurs,
  SQLITE_READONLY: notOurs,
  EROFS: 'its file system is read-only',
  ENOSPC: 'no space is left on its file system',
  SQLITE_FULL: 'no space is left on its file system',
  SQLITE_NOTADB: 'the file lock in it is damaged; remove that file',
};

/**
 * Takes the data directory for this process, or for this one and its `workers`; resolves with what gives it back. Makes
 * it where it is missing if `create` is true. Throws an Error for the operator.
 */
export async function takeDataDirectory(
  data: string,
  { create = false, workers = false }: { create?: boolean; workers?: boolean } = {},
): Promise<() => void> {
  if (!create) await requireData(data);
  const unlock = await atDataDirectory(data, async () => {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await access(data, constants.W_OK | constants.X_OK);
    return lockDirectory(data, workers);
  });
  if (!unlock) throw new Error(`${data} is in use by another Bonded; stop it first, or choose another data directory`);
  return unlock;
}

/** Shares the data directory that the parent process has taken; resolves with what ends that. */
export function joinDataDirectory(data: string): Promise<() => void> {
  return atDataDirectory(data, async () => joinDirectory(data));
}

/** Throws where nothing was ever kept, so that a mistyped path is not taken for a registry without damage or garbage. */
export async function requireData(data: string): Promise<void> {
  // With content elsewhere there are only facts.
  const found = await atDataDirectory(data, () =>
    Promise.all(['blobs', 'bonded.db'].map((name) => stat(join(data, name)).catch(unlessMissing))),
  );
  if (!found.some(Boolean))
    throw new Error(`there is no data of a registry in ${data}; name its data directory with --data`);
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

/** Runs what works on the data directory itself, and says for the operator why it failed. */
export async function atDataDirectory<T>(data: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const reason = reasons[code] ? `${reasons[code]} (${message})` : message;
    throw new Error(`cannot use the data directory ${data}: ${reason}`, { cause: error });
  }
}

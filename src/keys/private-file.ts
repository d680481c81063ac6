import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

const maxBytes = 4096;

/**
 * The text of a small file that its user alone may read; undefined where there is none. Throws an Error that says what to
 * do where others may read it, or this user may not.
 */
export async function readPrivateFile(path: string): Promise<string | undefined> {
  const file = await openPrivate(path);
  if (!file) return undefined;
  try {
    const { mode, size } = await file.stat();
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new Error(`${path} is not a file`);
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, '0');
      throw new Error(
        `${path} can be read or changed by other users of this machine (mode ${octal}). Make it private (chmod 600) and, ` +
          'if anybody may have read it, replace it',
      );
    }
    if (size > maxBytes) throw new Error(`${path} is longer than ${maxBytes} bytes`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** A symbolic link is not followed: who may write to the directory could name a file of another. */
async function openPrivate(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES')
      throw new Error(`${path} belongs to another user; run this as the user of the server`, { cause: error });
    if (code === 'ELOOP') throw new Error(`${path} is a symbolic link; it must be a file`, { cause: error });
    throw error;
  }
}

/**
 * Writes a file for this user alone unless there is one, and makes it and its directory durable. Of several at once one
 * wins, and nobody ever sees half of it. Whoever calls reads it back.
 */
export async function makePrivateFile(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  // The data directory above is there; to make it is not for us.
  await mkdir(directory, { mode: 0o700 }).catch(unless('EEXIST'));
  const draft = `${path}.${randomBytes(8).toString('hex')}.new`;
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
    await link(draft, path).catch(unless('EEXIST'));
  } finally {
    await file.close();
    await unlink(draft);
  }
  await syncDirectory(directory);
  await syncDirectory(dirname(directory));
}

/**
 * Takes from the group what it was given on a file of ours: Kubernetes does so to all of a volume with `fsGroup`, each time
 * that it is mounted. Where all users may read, nothing is mended: `readPrivateFile` refuses it.
 */
export async function closeToGroup(path: string): Promise<void> {
  const file = await openPrivate(path);
  if (!file) return;
  try {
    const { mode, uid } = await file.stat();
    if ((mode & 0o007) === 0 && (mode & 0o070) !== 0 && uid === process.getuid?.()) await file.chmod(0o600);
  } finally {
    await file.close();
  }
}

function unless(expected: string): (error: NodeJS.ErrnoException) => void {
  return (error) => {
    if (error.code !== expected) throw error;
  };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

import { open } from 'node:fs/promises';

/** Longest token of any platform (bytes). */
const maxBytes = 64 * 1024;

/** The token in a file; undefined where there is no such file. Throws an Error that names the file. */
export async function readTokenFile(path: string): Promise<string | undefined> {
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, 0);
      if (bytesRead > maxBytes) throw new Error(`${path} is longer than any token`);
      const token = buffer.subarray(0, bytesRead).toString().trim();
      if (token === '') throw new Error(`${path} is empty; it must hold a token`);
      return token;
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

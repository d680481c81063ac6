import { open } from 'node:fs/promises';
import { UsageError } from '../failure.ts';

/** Reads a file that somebody named. Throws UsageError where it cannot be read, or has more than `maxBytes`. */
export async function readText(flag: string, path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(maxBytes + 1), 0, maxBytes + 1, null);
      if (bytesRead > maxBytes) throw new UsageError(`${flag}: ${path} has more than ${maxBytes} bytes`);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${flag}: ${path} ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`}`);
  }
}

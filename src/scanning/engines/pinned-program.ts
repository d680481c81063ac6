import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { EngineError } from './engine.ts';

/** Largest program that is looked at (bytes); Trivy has some 200 MB. */
const mostBytes = 2 * 1024 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

/** The descriptor under which a program has itself: the first behind the standard ones. */
export const programFd = 3;

/** A program whose bytes are those that were pinned, for as long as it is open. */
export interface PinnedProgram extends AsyncDisposable {
  /** Its descriptor: what is started is what was hashed, whatever its path names by then. */
  readonly fd: number;
  /** Throws EngineError where the file was written to since it was opened. */
  requireUnchanged(): Promise<void>;
}

/**
 * Opens a program and compares its SHA-256 with the one that the configuration has. Throws EngineError where it is another, or
 * cannot be read. Whoever starts it does so by the descriptor, and asks afterwards whether it is unchanged: a name that is
 * swapped changes nothing, and a file that is written to changes its time, which nobody can set back.
 */
export async function openPinned(path: string, sha256: string, signal: AbortSignal): Promise<PinnedProgram> {
  const file = await openAbove(path, programFd).catch((error: unknown) => {
    throw new EngineError('the program cannot be read', { cause: error });
  });
  try {
    const before = await stateOf(file);
    if (!before.isFile || before.size > mostBytes)
      throw new EngineError('the program is no file, or too large for one');
    const found = await hashOf(file, signal);
    if (found !== sha256) {
      const cause = new Error(`${path} has the SHA-256 ${found}`);
      throw new EngineError('the program is not the one that is pinned: its SHA-256 is another', { cause });
    }
    const requireUnchanged = async () => {
      if ((await stateOf(file)).mark !== before.mark)
        throw new EngineError('the program was changed while it was started');
    };
    await requireUnchanged();
    return { fd: file.fd, requireUnchanged, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** A descriptor that is handed on under its own number would be closed as the program starts. */
async function openAbove(path: string, fd: number): Promise<FileHandle> {
  const file = await open(path, 'r');
  if (file.fd > fd) return file;
  try {
    return await openAbove(path, fd);
  } finally {
    await file.close();
  }
}

async function stateOf(file: FileHandle): Promise<{ isFile: boolean; size: bigint; mark: string }> {
  const stat = await file.stat({ bigint: true });
  const { dev, ino, size, mtimeNs, ctimeNs } = stat;
  return { isFile: stat.isFile(), size, mark: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}` };
}

async function hashOf(file: FileHandle, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; ;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, chunkBytes, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
}

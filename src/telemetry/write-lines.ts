import { writeSync } from 'node:fs';

/** How long the writer waits before it tries again where nobody has read what came before (ms). */
const pauseMs = 20;

/**
 * Bytes of a write, at most. The system keeps writes of this size to a pipe whole (PIPE_BUF of Linux), so that the lines of
 * several processes do not mix.
 */
export const longestWrite = 4096;

/** The same where one process alone writes: enough for what comes in one turn of the event loop. */
export const longestAlone = 64 * 1024;

/** Writes lines, in the order in which they come. */
export interface LineWriter {
  /** The line is with the system, whole, when this returns. */
  write(line: string): void;
  /** The line is with the system when this resolves: together with others of the same turn of the event loop, in one write. */
  gather(line: string): Promise<void>;
}

/** `put` hands a text to the system, and throws where it cannot. `most`: bytes of lines that are gathered for one write. */
export function createLineWriter(put: (text: string) => void, most = longestWrite): LineWriter {
  let held = '';
  let heldBytes = 0;
  let turn: PromiseWithResolvers<void> | undefined;

  function flush(): void {
    if (!turn) return;
    const [lines, { resolve, reject }] = [held, turn];
    held = '';
    heldBytes = 0;
    turn = undefined;
    try {
      put(lines);
      resolve();
    } catch (error) {
      reject(error);
    }
  }

  return {
    write(line) {
      flush();
      put(line);
    },
    gather(line) {
      const bytes = Buffer.byteLength(line);
      if (heldBytes + bytes > most) flush();
      if (!turn) {
        turn = Promise.withResolvers();
        setImmediate(flush);
      }
      held += line;
      heldBytes += bytes;
      return turn.promise;
    },
  };
}

/**
 * Hands texts to a descriptor: all of one is with the system when it returns. What nobody reads is not kept: it waits,
 * whatever kind of descriptor that is. Where nobody can read any more, texts are dropped from then on. Other errors of
 * the system are thrown, as a full disk is; it may have taken the beginning of the text then.
 */
export function putInto(fd: number): (text: string) => void {
  let isOpen = true;
  const write = (data: string | Uint8Array): number => {
    for (;;) {
      try {
        return typeof data === 'string' ? writeSync(fd, data) : writeSync(fd, data);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === 'EAGAIN') Bun.sleepSync(pauseMs);
        // Of a socket it is the one or the other.
        else if (code !== 'EPIPE' && code !== 'ECONNRESET') throw error;
        else return ((isOpen = false), data.length);
      }
    }
  };
  /** Of the last text only the beginning was written: what comes next is a line of its own all the same. */
  let torn = false;
  return (text) => {
    if (!isOpen) return;
    const whole = torn ? `\n${text}` : text;
    const written = write(whole);
    torn = isOpen && written < Buffer.byteLength(whole);
    // Almost always it is all of it.
    if (!torn) return;
    for (let rest = Buffer.from(whole).subarray(written); rest.length > 0 && isOpen;) rest = rest.subarray(write(rest));
    torn = false;
  };
}

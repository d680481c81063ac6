import type { WriteToken } from './write-queue.ts';

/*
 * One write token for all processes on one SQLite file. The parent process grants it over the IPC channel that it has
 * with each child, first come, first served:
 *
 *   child → parent   want n      n counts the turns of this child
 *   parent → child   grant n     repeated while it is held
 *   child → parent   release n
 *
 * Any message may be lost. A want is repeated until it is granted. A grant is repeated until it is released. A child
 * that is granted a turn which it has given back releases it again. When a child ends, however it ends, its turns are
 * over; the kernel has by then dropped its locks on the file, and SQLite ignores the half transaction in the log. A
 * child that hangs in the middle of a transaction holds SQLite's own lock: nobody could write without the token either.
 */

interface TokenMessage {
  writeToken: 'want' | 'grant' | 'release';
  turn: number;
}

/** A child process with an IPC channel, as `Bun.spawn` returns it. */
export interface TokenChild {
  send(message: TokenMessage): unknown;
  readonly exited: Promise<unknown>;
}

const repeatMs = 250;

function isTokenMessage(message: unknown): message is TokenMessage {
  return typeof message === 'object' && message !== null && 'writeToken' in message;
}

/**
 * The parent's side. Returns what to do with each message of a child, as in `Bun.spawn(command, { ipc: receive })`;
 * its result is false for messages that are about something else.
 */
export function grantWriteToken(): (message: unknown, child: TokenChild) => boolean {
  const known = new WeakSet<TokenChild>();
  const ended = new WeakSet<TokenChild>();
  let waiting: { child: TokenChild; turn: number }[] = [];
  let holder: { child: TokenChild; turn: number } | undefined;

  function grant(): void {
    while ((holder ??= waiting.shift())) {
      try {
        holder.child.send({ writeToken: 'grant', turn: holder.turn });
        return;
      } catch {
        // Its channel is closed: it has ended, or is about to.
        holder = undefined;
      }
    }
  }

  function leave(child: TokenChild): void {
    ended.add(child);
    waiting = waiting.filter((turn) => turn.child !== child);
    if (holder?.child !== child) return;
    holder = undefined;
    grant();
  }

  setInterval(() => holder && grant(), repeatMs).unref();

  return (message, child) => {
    if (!isTokenMessage(message)) return false;
    const { writeToken: act, turn } = message;
    if (!known.has(child)) {
      known.add(child);
      void child.exited.finally(() => leave(child));
    }
    // The end of a process may be seen before its last messages are.
    if (ended.has(child)) return true;
    const holds = holder?.child === child;
    if (act === 'release' && holds && holder!.turn === turn) {
      holder = undefined;
      grant();
    }
    if (act === 'want' && !(holds && holder!.turn === turn)) {
      // It has begun another turn, so the message that released the last one was lost.
      if (holds) holder = undefined;
      const queued = waiting.find((other) => other.child === child);
      if (queued) queued.turn = turn;
      else waiting.push({ child, turn });
      if (!holder) grant();
    }
    return true;
  };
}

let turns = 0;
/** The turn that this process waits for or has; only one at a time. */
let current: { turn: number; granted?: () => void; failed?: (error: Error) => void } | undefined;
let listening = false;
let last: Promise<void> = Promise.resolve();

/** The child's side: the token of the parent process. Acquiring it fails when the parent is gone. */
export const parentWriteToken: WriteToken = {
  async acquire() {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const before = last;
    last = released;
    await before;
    const turn = ++turns;
    try {
      await granted(turn);
    } catch (error) {
      release();
      throw error;
    }
    return () => {
      current = undefined;
      tell({ writeToken: 'release', turn });
      release();
    };
  },
};

function granted(turn: number): Promise<void> {
  listen();
  return new Promise((resolve, reject) => {
    const want = () => tell({ writeToken: 'want', turn });
    const repeat = setInterval(want, repeatMs);
    current = {
      turn,
      granted() {
        clearInterval(repeat);
        resolve();
      },
      failed(error) {
        clearInterval(repeat);
        current = undefined;
        reject(error);
      },
    };
    if (!process.connected) current.failed!(new Error('the parent process, which grants the right to write, is gone'));
    else want();
  });
}

function listen(): void {
  if (listening) return;
  listening = true;
  process.on('message', (message: unknown) => {
    if (!isTokenMessage(message)) return;
    if (current?.turn === message.turn) current.granted?.();
    else tell({ writeToken: 'release', turn: message.turn });
  });
  process.on('disconnect', () => {
    current?.failed?.(new Error('the parent process, which grants the right to write, is gone'));
  });
}

function tell(message: TokenMessage): void {
  try {
    process.send?.(message);
  } catch {
    // As good as lost: it is repeated, or the parent is gone.
  }
}

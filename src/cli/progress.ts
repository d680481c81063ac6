import type { Context } from './context.ts';
import { defaultOf } from './defaults.ts';
import { shown } from './output/index.ts';

/** When something is shown (ms). */
export interface Pace {
  /** Work that is quicker says nothing: on a terminal, and elsewhere. */
  quick: number;
  quickLines: number;
  /** Time between two lines where nobody watches them change. */
  betweenLines: number;
}

const usual: Pace = { quick: 400, quickLines: 5000, betweenLines: 10_000 };
/** Cells of a bar. */
const barSize = 30;
/** Of a program that its user has ended (128 and SIGINT). */
const interrupted = 130;

export interface Progress {
  /** What is done now, and how much of the whole is done already, from 0 to 1, where that is known. */
  at(text: string, share?: number): void;
}

/**
 * Does long work and shows on standard error how far it is: a spinner or a bar on a terminal, elsewhere a line now and then.
 * Standard output is for what the command prints. `progress=off` shows nothing.
 */
export async function withProgress<T>(
  context: Context,
  what: string,
  work: (progress: Progress) => Promise<T>,
  pace?: Pace,
): Promise<T> {
  const display = openProgress(context, what, pace);
  try {
    return await work(display);
  } finally {
    display.end();
  }
}

export interface Display extends Progress {
  end(): void;
}

/** The same, for work that has no one place. Whoever opens it ends it. */
export function openProgress(context: Context, what: string, pace = usual): Display {
  if (defaultOf(context, 'progress')?.value === 'off') return silent;
  const isWatched = context.process.stderr.isTTY && context.process.stdin.isTTY;
  return (isWatched ? onTerminal : inLines)(context, what, pace);
}

const silent: Display = { at() {}, end() {} };

function inLines({ process }: Context, what: string, { quickLines, betweenLines }: Pace): Display {
  const begun = Date.now();
  let last = begun;
  let now = '';
  const say = () => {
    last = Date.now();
    process.stderr.write(`${what}${now && `: ${now}`} (${Math.round((last - begun) / 1000)} s)\n`);
  };
  const timer = setInterval(
    () => {
      const quiet = last === begun ? quickLines : betweenLines;
      if (Date.now() - last >= quiet) say();
    },
    Math.min(1000, quickLines),
  );
  return {
    at: (text, share) => void (now = withShare(text, share)),
    end: () => clearInterval(timer),
  };
}

function onTerminal({ process }: Context, what: string, { quick }: Pace): Display {
  const output = process.stderr;
  // It takes the keys for itself, and would end the program as if all were well.
  const failed = () => void (process.exitCode = interrupted);
  const cancelled = () => process.exit(interrupted);
  let shownNow: { message(text?: string): void; clear(): void } | undefined;
  let bar: { advance(step?: number, text?: string): void } | undefined;
  let done = 0;
  let message = what;
  let isOver = false;

  const start = async () => {
    const { progress, spinner } = await import('@clack/prompts');
    if (isOver) return;
    shownNow?.clear();
    const options = { output, onCancel: cancelled, withGuide: false };
    const made = done > 0 ? (bar = progress({ ...options, max: 100, size: barSize })) : spinner(options);
    shownNow = made;
    made.start(message);
    bar?.advance(done, message);
  };
  process.on('exit', failed);
  const timer = setTimeout(() => void start(), quick);

  return {
    at(text, share) {
      message = `${what}: ${shown(text)}`;
      const before = done;
      done = Math.max(done, Math.min(100, Math.round((share ?? 0) * 100)));
      if (!shownNow) return;
      if (bar) bar.advance(done - before, message);
      // What can be counted from now on is a bar.
      else if (done > 0) void start();
      else shownNow.message(message);
    },
    end() {
      isOver = true;
      clearTimeout(timer);
      process.off('exit', failed);
      shownNow?.clear();
    },
  };
}

function withShare(text: string, share: number | undefined): string {
  return share === undefined ? shown(text) : `${shown(text)}, ${Math.round(share * 100)} %`;
}

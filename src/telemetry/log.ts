import { pino } from 'pino';
import type { z } from 'zod';
import type { logConfig } from './config.ts';

type Fields = Record<string, unknown>;

/** What the rest of the program needs of a logger: fields first, then a sentence. */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  /** Whether a record of this level is written at all, so that the hot path need not build it. */
  isLevelEnabled(level: string): boolean;
  flush(): void;
}

/** A logger on standard output, or into `write`, a line at a time. Every record says which `worker` wrote it, if any. */
export function createLog(
  options: z.output<typeof logConfig>,
  terminal = process.stdout.isTTY,
  write?: (line: string) => void,
  worker?: number,
): Log {
  const text = options.format === 'text' || (options.format === 'auto' && terminal);
  const settings = {
    level: options.level,
    base: worker === undefined ? null : { worker },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err },
    // Nothing puts these into a record; should anything ever do, they stop here.
    redact: {
      paths: ['authorization', '*.authorization', 'password', '*.password', 'token', '*.token'],
      censor: '[redacted]',
    },
  };
  // Not by process.stdout, which keeps what nobody reads.
  const destination = write ? { write } : pino.destination({ fd: 1, sync: true });
  const form = text ? (line: string) => readable(shortened(line)) : shortened;
  return pino(settings, { write: (line: string) => void destination.write(form(line)) });
}

/**
 * Bytes of a record, at most. The system keeps writes of this size to a pipe whole (PIPE_BUF of Linux), so that the
 * lines of several processes do not mix.
 */
const longestRecord = 4096;

/** A record within the limit: of one that is longer, as much of each text as fits. */
function shortened(line: string): string {
  // UTF-8 takes three bytes for a unit of UTF-16 at most.
  if (line.length * 3 <= longestRecord || Buffer.byteLength(line) <= longestRecord) return line;
  const record = JSON.parse(line) as Fields;
  for (const limit of [2000, 500, 100]) {
    const cut = (_: string, value: unknown) =>
      typeof value === 'string' && value.length > limit ? `${value.slice(0, limit)}…` : value;
    const text = `${JSON.stringify(record, cut)}\n`;
    if (Buffer.byteLength(text) <= longestRecord) return text;
  }
  const { level, time, worker, msg } = record;
  return `${JSON.stringify({ level, time, worker, msg: `${msg}`.slice(0, 500), shortened: true })}\n`;
}

/** One record as a person reads it: time, level, sentence, then the fields. */
function readable(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Fields & {
    time: string;
    level: string;
    msg: string;
  };
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${plain(value)}`);
  const stack = (err as { stack?: string } | undefined)?.stack;
  return `${[time.slice(11, 23), level.padEnd(5), msg, ...rest].join(' ')}\n${stack ? `${stack}\n` : ''}`;
}

/** Bare where that cannot be misread; quoted otherwise, so that no client can write a line of the log by itself. */
function plain(value: unknown): string {
  return typeof value === 'string' && /^[!#-~]+$/.test(value) ? value : JSON.stringify(value);
}

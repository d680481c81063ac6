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

/** A logger on standard output, or into `write`, a line at a time. */
export function createLog(
  options: z.output<typeof logConfig>,
  terminal = process.stdout.isTTY,
  write?: (line: string) => void,
): Log {
  const text = options.format === 'text' || (options.format === 'auto' && terminal);
  const settings = {
    level: options.level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: pino.stdSerializers.err },
    // Nothing puts these into a record; should anything ever do, they stop here.
    redact: {
      paths: ['authorization', '*.authorization', 'password', '*.password', 'token', '*.token'],
      censor: '[redacted]',
    },
  };
  const out = write ?? ((line: string) => void process.stdout.write(line));
  if (text) return pino(settings, { write: (line: string) => out(readable(line)) });
  return pino(settings, write ? { write } : pino.destination({ fd: 1, sync: true }));
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

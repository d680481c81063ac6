import { pino } from 'pino';
import type { z } from 'zod';
import type { logConfig } from './config.ts';
import { createLineWriter, type LineWriter, longestAlone, longestWrite, putInto } from './write-lines.ts';

type Fields = Record<string, unknown>;

/** Names of fields that hold a secret, in a record and in an object of it. */
const secrets: ReadonlySet<string> = new Set(['authorization', 'password', 'token']);

/**
 * Nothing puts these into a record; should anything ever do, they stop here. Pino's own way to do so takes three times as long
 * as all the rest of a record, and there is one for each token that is given out.
 */
function censored(fields: Fields): Fields {
  for (const name in fields) if (secrets.has(name) || holdsSecret(fields[name])) return without(fields);
  return fields;
}

function holdsSecret(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null) return false;
  for (const name in value) if (secrets.has(name)) return true;
  return false;
}

function without(fields: Fields): Fields {
  const members = Object.entries(fields).map(([name, value]) => {
    if (secrets.has(name)) return [name, '[redacted]'];
    return [name, holdsSecret(value) && !(value instanceof Error) ? without(value) : value];
  });
  return Object.fromEntries(members) as Fields;
}

/**
 * What the rest of the program needs of a logger: fields first, then a sentence. What the system does not take, because a disk
 * is full, is left out and counted: nothing that is only told may end what it tells of. The next record that is written is
 * behind one that says how many are missing.
 */
export interface Log {
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  /** As `info`, of what may not be done unrecorded: throws where the system does not take it. Of plain values; no errors. */
  record(fields: Fields, message: string): void;
  /**
   * As `record`, together with others of this moment: resolves when it is written. For what comes with each of many
   * requests and whose answer waits for it: a write for each would cost more than the record.
   */
  gather(fields: Fields, message: string): Promise<void>;
  /** Whether a record of this level is written at all, so that the hot path need not build it. */
  isLevelEnabled(level: string): boolean;
}

/** A logger on standard output, or into `write`, a line at a time. Every record says which `worker` wrote it, if any. */
export function createLog(
  options: z.output<typeof logConfig>,
  terminal = process.stdout.isTTY,
  write?: (line: string) => void,
  worker?: number,
): Log {
  const isText = options.format === 'text' || (options.format === 'auto' && terminal);
  const settings = {
    level: options.level,
    base: worker === undefined ? null : { worker },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }), log: censored },
    serializers: { err: (error: Error) => censored({ ...pino.stdSerializers.err(error) }) },
  };
  // Not by process.stdout, which keeps what nobody reads.
  const out = write ? atOnce(write) : createLineWriter(putInto(1), worker === undefined ? longestAlone : longestWrite);
  const formed = (line: string) => (isText ? readable(shortened(line)) : shortened(line));
  /** A record as pino would write it, in half the time: it makes text of each name and each value by itself. */
  const plainLine = (level: string, fields: Fields, msg: string) => {
    const record = { level, time: new Date().toISOString(), ...settings.base, ...censored(fields), msg };
    return formed(`${JSON.stringify(record)}\n`);
  };
  let lost = 0;
  const tell = (line: string) => {
    try {
      if (lost > 0)
        out.write(plainLine('warn', { records: lost }, 'records are missing here, which could not be written'));
      lost = 0;
      out.write(formed(line));
    } catch {
      lost++;
    }
  };
  const logger = pino(settings, { write: tell });
  return Object.assign(logger, {
    record(fields: Fields, message: string): void {
      if (logger.isLevelEnabled('info')) out.write(plainLine('info', fields, message));
    },
    gather: (fields: Fields, message: string): Promise<void> =>
      logger.isLevelEnabled('info') ? out.gather(plainLine('info', fields, message)) : Promise.resolve(),
  });
}

const atOnce = (write: (line: string) => void): LineWriter => ({ write, gather: async (line) => write(line) });

/** A record within the limit of a write: of one that is longer, as much of each text as fits. */
function shortened(line: string): string {
  // UTF-8 takes three bytes for a unit of UTF-16 at most.
  if (line.length * 3 <= longestWrite || Buffer.byteLength(line) <= longestWrite) return line;
  const record = JSON.parse(line) as Record<string, unknown>;
  for (const limit of [2000, 500, 100]) {
    const cut = (_: string, value: unknown) =>
      typeof value === 'string' && value.length > limit ? `${value.slice(0, limit)}…` : value;
    const text = `${JSON.stringify(record, cut)}\n`;
    if (Buffer.byteLength(text) <= longestWrite) return text;
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

import type { CommandContext } from '@stricli/core';
import { defaultOf } from './defaults.ts';

/** What a command may touch of the outside, handed in so that tests need no child process. */
export interface Context extends CommandContext {
  readonly process: Omit<NodeJS.Process, 'exitCode'> & { exitCode?: number | string | null };
  readonly environment: Record<string, string | undefined>;
  write(text: string): void;
  /** The words before one that is being completed. */
  readonly typed?: readonly string[];
}

export function createContext(process: NodeJS.Process, environment: Context['environment']): Context {
  return {
    process: process as Context['process'],
    environment,
    write: (text) => void process.stdout.write(`${text}\n`),
  };
}

/** The server that is meant where none is named. */
export function defaultHost(context: Context): string {
  return defaultOf(context, 'server')?.value ?? '127.0.0.1:5000';
}

/** Ends a command with a sentence that says what to do; the exit code becomes 1. */
export function fail(context: Context, message: string): void {
  context.process.stderr.write(`bonded: ${message}\n`);
  context.process.exitCode = 1;
}

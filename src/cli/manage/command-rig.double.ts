import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StartOptions, startTestApp } from '../../../test/support/server.ts';
import { root } from '../../commands/index.ts';
import { createApplication, runCommand } from '../application.ts';
import type { Context } from '../context.ts';

export interface Ended {
  code: number;
  out: string;
  error: string;
}

export interface RunOptions {
  /** Whether standard output is a terminal. */
  terminal?: boolean;
  environment?: Record<string, string>;
}

const application = createApplication(root, '0.0.0');

/** Runs a command in this process, with nothing of its environment. */
export async function runInside(
  words: readonly string[],
  { terminal = false, environment = {} }: RunOptions = {},
): Promise<Ended> {
  let out = '';
  let error = '';
  const process = {
    stdout: { isTTY: terminal, write: (text: string) => void (out += text) },
    stderr: { isTTY: false, write: (text: string) => void (error += text) },
    stdin: { isTTY: false },
    env: {},
    exitCode: undefined as number | undefined,
  };
  const write = (text: string) => process.stdout.write(`${text}\n`);
  await runCommand(application, words, { process, environment, write } as unknown as Context);
  return { code: process.exitCode ?? 0, out, error };
}

/** A server, and commands that are run by its operator. */
export async function openCommands(options: StartOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await startTestApp(options));
  const home = await mkdtemp(join(tmpdir(), 'bonded-home-'));
  stack.defer(() => rm(home, { recursive: true, force: true }));
  const environment = { HOME: home, BONDED_DATA: server.data, BONDED_SERVER: server.host };
  const run = (words: string[], given: RunOptions = {}) =>
    runInside(words, { ...given, environment: { ...environment, ...given.environment } });
  const owned = stack.move();

  return {
    server,
    home,
    environment,
    run,
    /** What a command prints that succeeds, as JSON; undefined where it prints nothing. */
    async ok(...words: string[]): Promise<unknown> {
      const { code, out, error } = await run([...words, '-o', 'json']);
      if (code !== 0) throw new Error(`bonded ${words.join(' ')}: ${error}`);
      return out === '' ? undefined : JSON.parse(out);
    },
    /** Exit code and message of a command that fails. */
    async refused(...words: string[]): Promise<[code: number, message: string]> {
      const { code, out, error } = await run(words);
      if (out !== '') throw new Error(`bonded ${words.join(' ')} printed ${out}`);
      return [code, error];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What is another each time, and the host of the server, by fixed texts of the same length where it can be. */
export function settled(text: string, host: string): string {
  return text
    .replaceAll(host, 'HOST')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{16}\b/g, 'ETAG')
    .replaceAll(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (guid) =>
      guid.startsWith('00000000') ? guid : 'GUID',
    );
}

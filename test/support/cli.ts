import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildRouteMap } from '@stricli/core';
import {
  certRoutes,
  type Context,
  createApplication,
  manageAliases,
  manageRoutes,
  runCommand,
} from '../../src/cli/index.ts';
import { credentialsFor } from './credentials.ts';

export interface Ran {
  code: number;
  out: string;
  error: string;
  /** What it printed, where that is JSON. */
  json(): unknown;
}

export interface Cli extends AsyncDisposable {
  /** Runs what somebody would type, `bonded ` included or not; quotes are those of a shell. */
  (line: string | readonly string[], stdin?: string): Promise<Ran>;
}

/** The commands in this process, as the operator of a server that a test has started would use them. */
export async function openCli(
  { url, host, data }: { url: string; host: string; data: string },
  more: Record<string, string> = {},
): Promise<Cli> {
  const home = await mkdtemp(join(tmpdir(), 'bonded-home-'));
  const root = buildRouteMap({
    routes: { ...manageRoutes, cert: certRoutes },
    aliases: manageAliases,
    docs: { brief: 'bonded' },
  });
  const application = createApplication(root, 'test');
  // Of a server without a data directory it is the first owner's.
  const tokenFile = join(home, 'token');
  await writeFile(tokenFile, credentialsFor(url).password, { mode: 0o600 });
  const environment = { HOME: home, BONDED_DATA: data, BONDED_SERVER: host, BONDED_TOKEN_FILE: tokenFile, ...more };
  const cli = async (line: string | readonly string[], stdin = ''): Promise<Ran> => {
    const words = typeof line === 'string' ? shellWords(line) : [...line];
    if (words[0] === 'bonded') words.shift();
    const written = { out: '', error: '' };
    const process = {
      stdout: { isTTY: false, write: (text: string) => void (written.out += text) },
      stderr: { isTTY: false, write: (text: string) => void (written.error += text) },
      stdin: Object.assign(new Blob([stdin]).stream(), { isTTY: false }),
      exitCode: undefined as number | string | null | undefined,
    };
    const context = { process, environment, write: (text: string) => void (written.out += `${text}\n`) };
    await runCommand(application, words, context as unknown as Context);
    return { ...written, code: Number(process.exitCode ?? 0), json: () => JSON.parse(written.out) as unknown };
  };
  return Object.assign(cli, { [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }) });
}

/** The words of a line as a POSIX shell reads it, with blanks, single quotes and backslashes outside of them. */
export function shellWords(line: string): string[] {
  const words = [...line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)].map(([word]) => word);
  return words.map((word) =>
    word.replaceAll(/'([^']*)'|\\(.)/g, (_, quoted?: string, escaped?: string) => quoted ?? escaped ?? ''),
  );
}

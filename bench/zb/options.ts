import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

export interface ZbOptions {
  url: URL;
  concurrency: number;
  /** A multiple of the concurrency. */
  requests: number;
  /** What the names of repositories begin with. */
  repository: string | undefined;
  only: RegExp;
  list: boolean;
  output: 'stdout' | 'json';
  skipCleanup: boolean;
  /** The value of `Authorization`. */
  authorization: string | undefined;
}

const declared = {
  concurrency: { type: 'string', short: 'c', default: '1' },
  requests: { type: 'string', short: 'n', default: '1' },
  repo: { type: 'string', short: 'r' },
  'test-regex': { type: 'string', short: 't', default: '' },
  'list-tests': { type: 'boolean', short: 'l', default: false },
  'output-format': { type: 'string', short: 'o', default: 'stdout' },
  'auth-file': { type: 'string', short: 'A' },
  'skip-cleanup': { type: 'boolean', default: false },
} as const;

/** The flags of zb that have a meaning here. Throws an error whose message is for whoever typed them. */
export function readZbOptions(args: string[]): ZbOptions {
  const { values, positionals } = parseArgs({ args, options: declared, allowPositionals: true });
  const concurrency = count(values.concurrency, '-c', 1000);
  const requests = count(values.requests, '-n', 1_000_000);
  if (requests < concurrency) throw new Error('-n: there cannot be fewer requests than connections (-c)');
  if (values.repo !== undefined && !/^[a-z0-9]+(?:[._/-][a-z0-9]+)*$/.test(values.repo)) {
    throw new Error('-r: this is no name of a repository');
  }
  const output = values['output-format'];
  if (output !== 'stdout' && output !== 'json') throw new Error('-o: stdout or json');
  const list = values['list-tests'];
  if (positionals.length > 1) throw new Error('one URL at a time');
  const address = positionals[0] ?? (list ? 'http://localhost' : undefined);
  if (address === undefined) throw new Error('which registry? The last argument is its URL');
  return {
    url: urlOf(address),
    concurrency,
    requests: concurrency * Math.floor(requests / concurrency),
    repository: values.repo,
    only: expression(values['test-regex']),
    list,
    output,
    skipCleanup: values['skip-cleanup'],
    authorization: basicFrom(values['auth-file']),
  };
}

function count(text: string, flag: string, most: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > most) throw new Error(`${flag}: a number from 1 to ${most}`);
  return value;
}

function urlOf(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Error(`${text}: not the URL of a registry`);
  if (url.username !== '') throw new Error('credentials come from a file, by -A');
  if (url.pathname !== '/') throw new Error('a registry has no path of its own; give only scheme, host and port');
  return url;
}

function basicFrom(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`-A: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
  if (!/^[^:\s]+:\S+$/.test(text)) throw new Error(`-A: ${file} holds no user:password`);
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function expression(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new Error(`-t: ${text} is no regular expression`);
  }
}

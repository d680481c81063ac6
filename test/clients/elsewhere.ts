import { knownServer } from '../support/credentials.ts';

/** Names a registry that the parent process has started, perhaps where only it could. */
const variable = 'BONDED_TEST_ELSEWHERE';

interface Elsewhere {
  url: string;
  /** The data directory, whose operator the tests are. */
  data: string;
  /** A socket at which the parent says what the server has logged so far. */
  log: string;
}

/** What a child process needs in its environment in order to test that registry. */
export const leadElsewhere = (there: Elsewhere): Record<string, string> => ({ [variable]: JSON.stringify(there) });

/** The registry that the parent process has started; undefined where it has not. */
export function elsewhere() {
  const text = process.env[variable];
  if (text === undefined) return undefined;
  const { url, data, log } = JSON.parse(text) as Elsewhere;
  knownServer(url, data);
  return {
    url,
    data,
    host: new URL(url).host,
    output: async () => (await fetch('http://parent/', { unix: log })).text(),
    async [Symbol.asyncDispose]() {},
  };
}

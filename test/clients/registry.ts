import { fetch } from '../http/fetch.ts';
import { startTestProcess } from '../support/server.ts';
import { elsewhere } from './elsewhere.ts';

export interface Registry extends AsyncDisposable {
  /** Such as `127.0.0.1:40123`. */
  host: string;
  url: string;
  /** The data directory, whose operator clients are. */
  data: string;
  /** All requests answered so far, by the server's log. */
  requests(): Promise<LoggedRequest[]>;
  /** What the server logged as errors since it was last asked. */
  errors(): Promise<string[]>;
}

export interface LoggedRequest {
  method: string;
  path: string;
  status: number;
  client: string;
}

const logWithinMs = 5000;

/** The registry under test, or the one that somebody started for us. Everything in these folders reaches it through here. */
export async function startRegistry(): Promise<Registry> {
  const server = elsewhere() ?? (await startTestProcess({ environment: { BONDED_LOG_LEVEL: 'debug' } }));
  let marks = 0;
  let reported = 0;
  return {
    host: server.host,
    url: server.url,
    data: server.data,
    async requests() {
      // The log comes through a pipe; once a request of ours is in it, so is all that came before.
      const mark = `/v2/mark/${++marks}/tags/list`;
      await fetch(server.url + mark);
      for (const until = Date.now() + logWithinMs; Date.now() < until; await Bun.sleep(5)) {
        const requests = readLog(await server.output());
        const at = requests.findIndex(({ path }) => path === mark);
        if (at >= 0) return requests.slice(0, at);
      }
      throw new Error('the server does not log its requests');
    },
    async errors() {
      const found = (await server.output()).split('\n').filter((line) => line.startsWith('{"level":"error"'));
      const fresh = found.slice(reported);
      reported = found.length;
      return fresh;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function readLog(output: string): LoggedRequest[] {
  return output
    .slice(0, output.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('"method"'))
    .map((line) => JSON.parse(line) as LoggedRequest);
}

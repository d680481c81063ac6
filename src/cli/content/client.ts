import { z } from 'zod';
import { type Login, accessToken, callServer, loginEnded } from '../find-login.ts';
import type { Surroundings } from '../proofs/proof.ts';
import type { RegistryAddress } from '../registry-address.ts';
import { ContentError, contentError } from './content-error.ts';
import { nextPage } from './next-page.ts';
import { isOver, scopeWanted } from './scope.ts';

/** Longest answer that is read: a manifest has 4 MiB, a page of attributes of large indexes more (bytes). */
const maxBytes = 32 * 1024 * 1024;
/** How long one request may take (ms): a large repository is deleted manifest by manifest. */
const timeoutMs = 600_000;
/** How often a request that is to come again later does so, and the longest that it waits each time (ms). */
const mostRepeats = 4;
const longestWaitMs = 60_000;
/** Pages of one list; a server that has more does not end. */
const mostPages = 1_000_000;

/** Who asks: a login, or the name and password of a token or the admin user. */
export type Credentials = Pick<Login, 'refresh'> | { username: string; password: string };

export interface ContentRequest {
  /** Default: GET. */
  method?: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'DELETE' | 'POST';
  /** Path and query. */
  path: string;
  /** What the token is to be for; see scope.ts. */
  scope: string;
  /** Media types that are understood; default: JSON. */
  accept?: string;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is, in place of that. */
  text?: { value: string; mediaType: string };
  /** Bytes in place of both, with what their request says of them beside. */
  bytes?: { value: Uint8Array<ArrayBuffer>; mediaType: string };
  headers?: Readonly<Record<string, string>>;
}

export interface ListOptions<T> {
  scope: string;
  /** Where in an answer its items are. */
  field: string;
  item: z.ZodType<T>;
  query?: Readonly<Record<string, string>>;
  /** How many items there should be at most; default: all. */
  top?: number | undefined;
  /** Items of a page; default: 100. */
  pageSize?: number;
}

/** Calls a registry: `/v2/` and `/acr/v1/`. Refusals are ContentErrors. */
export interface ContentClient {
  readonly server: RegistryAddress;
  /** The answer of a request that succeeds. */
  send(request: ContentRequest): Promise<Response>;
  /** Its JSON. Throws ContentError where it is not what it should be. */
  json<T>(request: ContentRequest & { answer: z.ZodType<T> }): Promise<T>;
  /** Items of a list, page by page to its end, or to `top`. */
  list<T>(path: string, options: ListOptions<T>): AsyncGenerator<T[], void>;
  /** All of them. */
  all<T>(path: string, options: ListOptions<T>): Promise<T[]>;
}

export interface ContentClientOptions {
  server: RegistryAddress;
  surroundings: Surroundings;
  credentials: Credentials;
  /** Waits (ms). */
  sleep?(ms: number): Promise<void>;
  /** Told how many items of a list there are so far, and of its end. */
  listing?(): { counted(items: number): void; end(): void };
}

export function createContentClient(options: ContentClientOptions): ContentClient {
  const { server, surroundings, credentials, sleep = Bun.sleep } = options;
  const authorize = authorizer(options);

  async function once(request: ContentRequest, scope: string): Promise<Response> {
    const { method = 'GET', path, accept = 'application/json' } = request;
    const sent = sentBy(request);
    return callServer(surroundings, server, `${server.origin}${path}`, {
      method,
      headers: {
        accept,
        authorization: await authorize(scope),
        ...request.headers,
        ...(sent && { 'content-type': sent.mediaType }),
      },
      ...(sent && { body: sent.value }),
      timeoutMs,
      maxBytes,
    });
  }

  async function send(request: ContentRequest): Promise<Response> {
    let { scope } = request;
    let renewed = false;
    for (let repeats = 0; ;) {
      const answer = await once(request, scope);
      if (answer.ok) return answer;
      const challenge = answer.status === 401 ? answer.headers.get('www-authenticate') : null;
      const wanted = scopeWanted(challenge);
      if (wanted !== undefined && wanted !== scope && 'refresh' in credentials) {
        scope = wanted;
        continue;
      }
      // What is read or sent piece by piece may take longer than a token lasts.
      if (!renewed && isOver(challenge) && 'refresh' in credentials) {
        renewed = true;
        authorize.forget(scope);
        continue;
      }
      const isBusy = answer.status === 429 || answer.status === 503;
      if (!isBusy || repeats++ === mostRepeats) throw await contentError(answer);
      await sleep(waitOf(answer));
    }
  }

  async function read<T>(answer: Response, type: z.ZodType<T>): Promise<T> {
    const { data, error } = type.safeParse(await answer.json().catch(() => undefined));
    if (data !== undefined && !error) return data;
    throw new ContentError(502, 'BAD_ANSWER', `${server.host} answered with what is no answer of a registry`);
  }

  async function* list<T>(path: string, asked: ListOptions<T>) {
    const { scope, field, item, query = {}, pageSize = 100, top = Number.POSITIVE_INFINITY } = asked;
    const first = new URLSearchParams({ ...query, n: String(Math.min(pageSize, top)) });
    const page = z.looseObject({ [field]: z.array(item).nullish() });
    let left = top;
    let next: string | undefined = `${path}?${first}`;
    for (let pages = 0; next !== undefined && left > 0; pages++) {
      if (pages === mostPages) throw new ContentError(502, 'ENDLESS_LIST', `the list ${path} does not end`);
      const answer = await send({ path: next, scope });
      const items = (await read(answer, page))[field] ?? [];
      if (items.length > left) items.length = left;
      left -= items.length;
      yield items;
      next = nextPage(answer.headers.get('link'), next, server.origin);
    }
  }

  return {
    server,
    send,
    json: async ({ answer, ...request }) => read(await send(request), answer),
    list,
    async all(path, asked) {
      const watcher = options.listing?.();
      const found = [];
      try {
        for await (const items of list(path, asked)) {
          for (const item of items) found.push(item);
          watcher?.counted(found.length);
        }
      } finally {
        watcher?.end();
      }
      return found;
    },
  };
}

function sentBy({ body, text, bytes }: ContentRequest): ContentRequest['text'] | ContentRequest['bytes'] {
  return (
    bytes ?? text ?? (body === undefined ? undefined : { value: JSON.stringify(body), mediaType: 'application/json' })
  );
}

/** What a request shows. A token is asked for once for each scope, until it is to be forgotten. */
function authorizer({ server, surroundings, credentials }: ContentClientOptions) {
  if ('password' in credentials) {
    const { username, password } = credentials;
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    return Object.assign(async (_scope: string) => basic, { forget() {} });
  }
  const { refresh } = credentials;
  const tokens = new Map<string, Promise<string | undefined>>();
  const authorize = async (scope: string) => {
    let asked = tokens.get(scope);
    if (!asked) tokens.set(scope, (asked = accessToken({ server, surroundings, refresh }, scope)));
    const token = await asked;
    if (token === undefined) throw loginEnded(server, 'its content');
    return `Bearer ${token}`;
  };
  return Object.assign(authorize, { forget: (scope: string) => void tokens.delete(scope) });
}

function waitOf({ headers }: Response): number {
  const seconds = Number(headers.get('retry-after') ?? 1);
  return Math.min(longestWaitMs, Math.max(100, Number.isFinite(seconds) ? seconds * 1000 : 1000));
}

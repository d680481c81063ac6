import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { createTurns, type Turns } from './turns.ts';

/**
 * Requests that are under way at once: that send a body from a stream, that read one whole, and all others. No kind waits
 * for another. Beyond 256 in all Bun would hold a request back by itself, while its time runs.
 */
const sendingAtOnce = 32;
const readingAtOnce = 64;
const askingAtOnce = 64;

interface WireRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> | string;
}

interface WireResponse {
  statusCode: number;
  reason: string;
  headers: Record<string, string>;
  body: ReadableStream<Uint8Array> | undefined;
}

/** A request that the client has signed: all that is in its headers, and nothing that is not. */
export interface SignedRequest {
  url: string;
  headers: Record<string, string>;
}

export interface SdkFetchOptions {
  /** Instead of the client's (ms). */
  requestTimeout?: number;
  /** Takes the signed request, which is not sent: the client gets an empty answer. */
  signed?(request: SignedRequest): void;
}

export interface SdkFetch {
  /** Sends the requests of the client. */
  handler: NonNullable<S3ClientConfig['requestHandler']>;
  /**
   * GET of a signed request with more headers, which the signature need not cover; resolves when all of the answer is
   * there.
   */
  read(
    signed: SignedRequest,
    more: Record<string, string>,
  ): Promise<{ status: number; headers: Headers; bytes: Uint8Array<ArrayBuffer> }>;
  /** The same, but resolves when the answer begins. Takes no turn: whoever calls it sees to it that they are few. */
  open(signed: SignedRequest, more: Record<string, string>): Promise<Response>;
}

/**
 * Sends the requests of AWS's clients by `fetch`, which, unlike their own way, sends a body of known length from a
 * stream and hands answers through without gathering them. A request is given up when nothing moves for `timeoutMs`:
 * its turn does not come, its body does not leave, an answer does not begin or, where it is read whole, does not end.
 */
export function createSdkFetch(timeoutMs: number): SdkFetch {
  const sending = createTurns(sendingAtOnce);
  const reading = createTurns(readingAtOnce);
  const asking = createTurns(askingAtOnce);
  const waiting = new Set<Patience>();
  let closed = false;

  /** Whatever waits for an answer is given up when the client is closed. */
  async function waitFor<T>(ms: number, send: (patience: Patience) => Promise<T>): Promise<T> {
    if (closed) throw new Error('the client is closed');
    const patience = createPatience(ms);
    waiting.add(patience);
    try {
      return await send(patience);
    } catch (error) {
      throw networkError(error);
    } finally {
      waiting.delete(patience);
      patience.end();
    }
  }

  async function inTurn<T>(turns: Turns, ms: number, send: (patience: Patience) => Promise<T>): Promise<T> {
    const end = await turns.take(timeoutMs).catch((error: unknown) => {
      throw networkError(error);
    });
    return waitFor(ms, send).finally(end);
  }

  const handler = {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(
      request: WireRequest,
      { requestTimeout = timeoutMs, signed }: SdkFetchOptions = {},
    ): Promise<{ response: WireResponse }> {
      const url = urlOf(request);
      // Its length is the one that Range, and the length in the facts, speak of.
      const headers = { ...request.headers, 'accept-encoding': 'identity' };
      if (signed) {
        signed({ url, headers });
        return { response: { statusCode: 200, reason: 'OK', headers: {}, body: new Blob().stream() } };
      }
      const turns = request.body instanceof ReadableStream ? sending : asking;
      return inTurn(turns, requestTimeout, async ({ signal, moved }) => {
        const { method } = request;
        const response = await fetch(url, {
          method,
          headers,
          body: bodyOf(request.body, moved),
          signal,
          redirect: 'manual',
        });
        return {
          response: {
            statusCode: response.status,
            reason: response.statusText,
            headers: Object.fromEntries(response.headers),
            body: response.body ?? undefined,
          },
        };
      });
    },
    /** Gives up what waits for an answer: a process that ends does not wait for a server that is away. */
    destroy() {
      closed = true;
      for (const patience of waiting) patience.giveUp();
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };

  return {
    handler,
    read: ({ url, headers }, more) =>
      inTurn(reading, timeoutMs, async ({ signal, moved }) => {
        const response = await fetch(url, { headers: { ...headers, ...more }, signal, redirect: 'manual' });
        moved();
        const bytes = new Uint8Array(await response.arrayBuffer());
        return { status: response.status, headers: response.headers, bytes };
      }),
    open: ({ url, headers }, more) =>
      waitFor(timeoutMs, ({ signal }) => fetch(url, { headers: { ...headers, ...more }, signal, redirect: 'manual' })),
  };
}

/**
 * Gathers the bodies of answers that are read as a whole: all but those of objects. One of which nothing comes for
 * `timeoutMs` is given up, too.
 */
export function createSdkCollector(timeoutMs: number): NonNullable<S3ClientConfig['streamCollector']> {
  return async (body: unknown): Promise<Uint8Array> => {
    // What was gathered already and is handed on.
    if (!(body instanceof ReadableStream))
      return Buffer.concat(await Array.fromAsync(body as AsyncIterable<Uint8Array>));
    const patience = createPatience(timeoutMs);
    const reader = (body as ReadableStream<Uint8Array>).getReader();
    // Ends the read that waits, with nothing.
    patience.signal.addEventListener('abort', () => void reader.cancel().catch(() => {}));
    const chunks: Uint8Array[] = [];
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        patience.moved();
        chunks.push(value);
      }
      patience.signal.throwIfAborted();
      return Buffer.concat(chunks);
    } catch (error) {
      throw networkError(error);
    } finally {
      patience.end();
    }
  };
}

type Patience = ReturnType<typeof createPatience>;

function createPatience(ms: number) {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new DOMException('nothing moved', 'TimeoutError'));
  const timer = setTimeout(giveUp, ms);
  return { signal: controller.signal, giveUp, moved: () => void timer.refresh(), end: () => clearTimeout(timer) };
}

function bodyOf(body: WireRequest['body'], moved: () => void) {
  if (body instanceof ReadableStream) return body.pipeThrough(new TransformStream({ transform: pass(moved) }));
  return body ?? null;
}

function pass(moved: () => void) {
  return (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>) => {
    moved();
    controller.enqueue(chunk);
  };
}

/** As the client knows them from Node, so that whoever looks at `code` finds it. */
function networkError(error: unknown): unknown {
  const { name, code } = error as { name?: string; code?: string };
  if (name === 'TimeoutError') return Object.assign(new Error('the request timed out'), { code: 'ETIMEDOUT' });
  if (name !== 'Error' && code === undefined) return error;
  const refused = code === 'ConnectionRefused' || code === 'FailedToOpenSocket' || code === 'ECONNREFUSED';
  const known = refused ? 'ECONNREFUSED' : 'ECONNRESET';
  // A certificate that nobody trusts, for one, is something else for the operator.
  return Object.assign(new Error(`the connection failed: ${code ?? 'unknown'}`), {
    code: known,
    said: code === known ? undefined : code,
  });
}

function urlOf({ protocol, hostname, port, path, query = {} }: WireRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => (one === null ? encode(name) : `${encode(name)}=${encode(one)}`)),
  );
  const search = pairs.length > 0 ? `?${pairs.join('&')}` : '';
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`;
}

/** As the signature has it (RFC 3986). */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

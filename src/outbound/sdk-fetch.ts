import type { S3ClientConfig } from '@aws-sdk/client-s3';

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

/**
 * Sends the requests of AWS's clients by `fetch`, which, unlike their own way, sends a body of known length from a
 * stream and hands answers through without gathering them. A request is given up when nothing moves for `timeoutMs`:
 * neither the body leaves nor an answer begins.
 */
export function createSdkFetch(timeoutMs: number): NonNullable<S3ClientConfig['requestHandler']> {
  const handler = {
    metadata: { handlerProtocol: 'http/1.1' },
    async handle(
      request: WireRequest,
      { requestTimeout = timeoutMs }: { requestTimeout?: number } = {},
    ): Promise<{ response: WireResponse }> {
      const patience = createPatience(requestTimeout);
      try {
        const response = await fetch(urlOf(request), {
          method: request.method,
          // Its length is the one that Range, and the length in the facts, speak of.
          headers: { ...request.headers, 'accept-encoding': 'identity' },
          body: bodyOf(request.body, patience.moved),
          signal: patience.signal,
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
      } catch (error) {
        throw networkError(error);
      } finally {
        patience.end();
      }
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs: () => ({}),
  };
  return handler;
}

function createPatience(ms: number) {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(new DOMException('nothing moved', 'TimeoutError')), ms);
  return { signal: giveUp.signal, moved: () => void timer.refresh(), end: () => clearTimeout(timer) };
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
  const refused = code === 'ConnectionRefused' || code === 'FailedToOpenSocket';
  return Object.assign(new Error(`the connection failed: ${code ?? 'unknown'}`), {
    code: refused ? 'ECONNREFUSED' : 'ECONNRESET',
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

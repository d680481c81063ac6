import type { Socket } from 'bun';
import { authorizationLine } from './authorization.ts';
import { type Answer, type AnswerReader, readAnswer } from './answer.ts';

/** Where a server listens. */
export interface Target {
  hostname: string;
  port: number;
  tls?: boolean;
  /** The value of `Authorization` for a server that nobody here has started. */
  authorization?: string | undefined;
}

export interface Request {
  method: string;
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  /** In pieces; the same piece may come many times, so that a large body costs no memory. */
  body?: readonly Uint8Array[];
  /** Sends the body in chunks, as a client that does not know its length. */
  chunked?: boolean;
  /** Waits this long (ms) before each piece of the body, as a slow link does. */
  pauseMs?: number;
  /** Whether the body of the answer is wanted, not only its length. */
  keep?: boolean;
}

/** A connection that stays open for one request after the other. */
export interface RawConnection {
  send(request: Request): Promise<Answer>;
  /** Whether the server closed it. */
  readonly closed: boolean;
  close(): void;
}

/** A server that is silent for longer (s) will not answer. */
const silenceSeconds = 60;
const newline = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

export function local(port: number): Target {
  return { hostname: '127.0.0.1', port };
}

/**
 * HTTP/1.1 over a bare socket: `fetch` would cost more than a server that is to be measured. The same bytes go to every
 * peer.
 */
export async function openRaw(target: Target): Promise<RawConnection> {
  let reader: AnswerReader | undefined;
  let waiting: PromiseWithResolvers<Answer> | undefined;
  let unsent: readonly Uint8Array[] = [];
  let piece = 0;
  let offset = 0;
  let pauseMs: number | undefined;
  let pausing = false;
  let closed = false;

  const flush = (to: Socket) => {
    while (piece < unsent.length && !closed && !pausing) {
      const bytes = unsent[piece]!;
      const sent = to.write(offset === 0 ? bytes : bytes.subarray(offset));
      if (sent < 0) return;
      offset += sent;
      if (offset < bytes.byteLength) return;
      piece++;
      offset = 0;
      if (pauseMs !== undefined) {
        pausing = true;
        setTimeout(() => {
          pausing = false;
          flush(to);
        }, pauseMs);
      }
    }
  };
  const settle = (answer: Answer | undefined) => {
    if (!answer) return;
    waiting?.resolve(answer);
    waiting = undefined;
  };
  const fail = (error: Error) => {
    closed = true;
    waiting?.reject(error);
    waiting = undefined;
  };
  const socket = await Bun.connect({
    hostname: target.hostname,
    port: target.port,
    ...(target.tls ? { tls: { rejectUnauthorized: false } } : {}),
    socket: {
      data(from, data) {
        if (!reader || !waiting) return;
        try {
          settle(reader.read(data));
        } catch (error) {
          fail(error as Error);
          from.end();
        }
      },
      drain: flush,
      timeout(from) {
        fail(new Error(`the server was silent for ${silenceSeconds} s`));
        from.terminate();
      },
      error: (_, error) => fail(error),
      close() {
        settle(reader?.end());
        fail(new Error('the server closed the connection'));
      },
    },
  });
  return {
    send(request) {
      if (closed) return Promise.reject(new Error('the server closed the connection'));
      reader = readAnswer(request.method, request.keep ?? false);
      waiting = Promise.withResolvers<Answer>();
      unsent = bytesOf(request, target);
      piece = 0;
      offset = 0;
      pauseMs = request.pauseMs;
      // Counted from here: what arrives does not set it back.
      socket.timeout(silenceSeconds);
      flush(socket);
      return waiting.promise;
    },
    get closed() {
      return closed;
    },
    close() {
      closed = true;
      socket.end();
    },
  };
}

const urlOf = ({ tls, hostname, port }: Target) => `${tls ? 'https' : 'http'}://${hostname}:${port}`;

/** A body that is small goes out with its head, in one write. */
const togetherBelow = 64 * 1024;

function bytesOf({ method, path, headers = {}, body = [], chunked, pauseMs }: Request, target: Target): Uint8Array[] {
  const length = body.reduce((sum, bytes) => sum + bytes.byteLength, 0);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${target.hostname}:${target.port}`,
    ...(target.authorization === undefined ? [] : [`Authorization: ${target.authorization}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(chunked ? ['Transfer-Encoding: chunked'] : []),
    ...(!chunked && method !== 'GET' && method !== 'HEAD' ? [`Content-Length: ${length}`] : []),
  ];
  const known = target.authorization === undefined ? authorizationLine(urlOf(target)) : '';
  const head = Buffer.from(`${lines.join('\r\n')}\r\n${known}\r\n`, 'latin1');
  if (chunked) {
    const chunks = body.flatMap((bytes) => [Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, newline]);
    return [head, ...chunks, lastChunk];
  }
  return length < togetherBelow && pauseMs === undefined ? [Buffer.concat([head, ...body])] : [head, ...body];
}

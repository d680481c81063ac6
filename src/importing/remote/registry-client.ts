import { setTimeout as wait } from 'node:timers/promises';
import { OutboundError, type OutboundReason, type StreamedAnswer } from '../../outbound/index.ts';
import { importFailed } from '../failure.ts';
import { authorize, type AuthorizationOptions, TokenServerBusy } from './authorization.ts';

/** How often a request is made that meets trouble which passes; the pauses between (ms), and the longest one asked for. */
const attempts = 5;
const pauseMs = 500;
const longestPauseMs = 60_000;
/** Until an answer begins (ms). */
const timeoutMs = 60_000;
/** Docker Hub, and others, send clients to where the bytes are. */
const maxRedirects = 5;

export interface RegistryClientOptions extends Omit<AuthorizationOptions, 'scope'> {
  repository: string;
}

export interface RegistryClient {
  /** For people. */
  readonly host: string;
  /**
   * Reads a path below the repository (distribution-spec). The body must be read or cancelled. Resolves with 200, 206, and what
   * else has no remedy, such as 404.
   */
  open(path: string, headers?: Record<string, string>): Promise<StreamedAnswer>;
  /** The same, whole; throws where it is longer than `maxBytes`. */
  read(path: string, options: ReadOptions): Promise<WholeAnswer>;
  /** Waits before something is tried again, so many times in a row. */
  pause(attempt: number): Promise<void>;
}

export interface ReadOptions {
  accept: string;
  maxBytes: number;
}

export interface WholeAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
}

/** A repository of another registry, read with the token protocol. Trouble that passes is waited out. */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { outbound, origin, repository, signal } = options;
  const { host } = new URL(origin);
  const scope = `repository:${repository}:pull`;
  let authorization: string | undefined;

  async function once(url: string, headers: Record<string, string>): Promise<StreamedAnswer> {
    const { accept = '*/*', ...others } = headers;
    const send = () =>
      outbound.open(url, {
        accept,
        headers: { ...others, ...(authorization !== undefined && { authorization }) },
        timeoutMs,
        maxRedirects,
        signal,
      });
    const first = await send();
    if (first.status !== 401) return first;
    await first.body.cancel();
    // A registry that asks again for what it was just shown is not asked a third time.
    authorization = await authorize({ ...options, scope }, first.headers.get('www-authenticate'));
    const second = await send();
    if (second.status !== 401) return second;
    await second.body.cancel();
    authorization = undefined;
    throw importFailed(
      `${host} refuses what it was shown for ${repository}; give credentials that may pull from there`,
    );
  }

  async function pause(attempt: number, retryAfter: string | null = null): Promise<void> {
    const seconds = Number(retryAfter ?? 0);
    const asked = Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : pauseMs * 2 ** attempt;
    await sleep(Math.min(asked, longestPauseMs), signal);
  }

  async function open(path: string, headers: Record<string, string> = {}): Promise<StreamedAnswer> {
    const url = `${origin}/v2/${repository}/${path}`;
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt === attempts - 1;
      signal.throwIfAborted();
      let retryAfter: string | null = null;
      try {
        const answer = await once(url, headers);
        if (answer.status !== 429 && answer.status < 500) return answer;
        await answer.body.cancel();
        if (isLast) throw importFailed(`${host} answered with ${answer.status}, again and again; try later`);
        retryAfter = answer.headers.get('retry-after');
      } catch (error) {
        if (signal.aborted || isLast || !passes(error)) throw error;
        if (error instanceof TokenServerBusy) ({ retryAfter } = error);
      }
      await pause(attempt, retryAfter);
    }
  }

  return {
    host,
    open,
    pause,
    async read(path, { accept, maxBytes }) {
      for (let attempt = 0; ; attempt++) {
        const { status, headers, body } = await open(path, { accept });
        try {
          return { status, headers, bytes: await readAtMost(body, maxBytes, host) };
        } catch (error) {
          if (signal.aborted || attempt === attempts - 1 || !passes(error)) throw error;
        }
        await pause(attempt);
      }
    },
  };
}

/** Names are not found, too, where a server of DNS does not answer for a moment. */
const passing: ReadonlySet<OutboundReason> = new Set(['unreachable', 'not_resolved', 'timed_out', 'busy'] as const);

/** Whether the same request may succeed in a moment. */
export function passes(error: unknown): boolean {
  return error instanceof OutboundError && passing.has(error.reason);
}

async function readAtMost(body: ReadableStream<Uint8Array>, most: number, host: string): Promise<Uint8Array> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  let timer: Timer | undefined;
  try {
    const late = Promise.withResolvers<never>();
    timer = setTimeout(() => late.reject(new OutboundError('timed_out', `${host} answers too slowly`)), timeoutMs);
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return Buffer.concat(chunks, size);
      size += value.byteLength;
      if (size > most)
        throw importFailed(`${host} answered with more than ${most} bytes where a manifest or list was asked for`);
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => {});
  }
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  wait(ms, undefined, { signal }).catch(() => signal.throwIfAborted());

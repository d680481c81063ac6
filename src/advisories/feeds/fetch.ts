import { importRefused } from '../import-error.ts';
import { type Outbound, OutboundError, type StreamedAnswer } from '../../outbound/index.ts';
import type { OpenSource } from '../formats/byte-source.ts';
import { spool } from '../formats/spool.ts';

/** How often a request is made that meets trouble which passes, and the first pause between (ms). */
const attempts = 3;
const pauseMs = 500;
/** Until an answer begins, and between two pieces of its body (ms). */
const timeoutMs = 60_000;
const maxRedirects = 5;

export interface Fetcher {
  outbound: Outbound;
  /** Ends every request. */
  signal: AbortSignal;
  /** Waits (ms). */
  sleep?: (ms: number) => Promise<void>;
}

export interface FetchOptions {
  maxBytes: number;
  /** Of what is there already. */
  etag?: string | undefined;
}

export type Fetched = { kind: 'unchanged' } | { kind: 'missing' } | { kind: 'fetched'; file: OpenSource; etag: string };

/**
 * Fetches a file of any length to a temporary one. Trouble that passes is waited out. Throws OutboundError, or
 * AdvisoryImportError where the server answers with what is no file.
 */
export function fetchFile(fetcher: Fetcher, url: string, { maxBytes, etag }: FetchOptions): Promise<Fetched> {
  return inAttempts(fetcher, async () => {
    const answer = await open(fetcher, url, etag);
    if (answer.status === 200) {
      const file = await spool(steady(answer.body, url), maxBytes);
      return { kind: 'fetched', file, etag: etagOf(answer) };
    }
    await answer.body.cancel();
    if (answer.status === 304 && etag) return { kind: 'unchanged' };
    if (answer.status === 404) return { kind: 'missing' };
    throw answered(url, answer.status);
  });
}

/** The body of an answer as it comes; undefined where there is nothing at the URL. Whoever reads it ends it. */
export async function openText(fetcher: Fetcher, url: string): Promise<AsyncGenerator<Uint8Array> | undefined> {
  return inAttempts(fetcher, async () => {
    const answer = await open(fetcher, url, undefined);
    if (answer.status === 200) return steady(answer.body, url);
    await answer.body.cancel();
    if (answer.status === 404) return undefined;
    throw answered(url, answer.status);
  });
}

/** The same, whole. */
export async function fetchWhole(fetcher: Fetcher, url: string, maxBytes: number): Promise<Uint8Array | undefined> {
  return inAttempts(fetcher, async () => {
    fetcher.signal.throwIfAborted();
    const answer = await fetcher.outbound.request(url, { maxBytes, timeoutMs, maxRedirects });
    if (answer.status === 200) return answer.bytes;
    if (answer.status === 404) return undefined;
    throw answered(url, answer.status);
  });
}

function open({ outbound, signal }: Fetcher, url: string, etag: string | undefined): Promise<StreamedAnswer> {
  return outbound.open(url, {
    timeoutMs,
    maxRedirects,
    signal,
    ...(etag && { headers: { 'if-none-match': etag } }),
  });
}

async function inAttempts<T>({ signal, sleep = Bun.sleep }: Fetcher, once: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await once();
    } catch (error) {
      if (attempt === attempts || signal.aborted || !passes(error)) throw error;
    }
    await sleep(pauseMs * 4 ** (attempt - 1));
  }
}

class BadStatus extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function answered(url: string, status: number): Error {
  const message = `${new URL(url).host} answered with ${status}`;
  return status === 429 || status >= 500 ? new BadStatus(status, message) : importRefused(message);
}

function passes(error: unknown): boolean {
  if (error instanceof BadStatus) return true;
  return error instanceof OutboundError && ['unreachable', 'timed_out', 'busy'].includes(error.reason);
}

function etagOf({ headers }: StreamedAnswer): string {
  const etag = headers.get('etag') ?? '';
  return etag.length <= 256 ? etag : '';
}

/** A body on which nothing moves for a minute is given up. */
async function* steady(body: ReadableStream<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const late = Promise.withResolvers<never>();
      const timer = setTimeout(
        () => late.reject(new OutboundError('timed_out', `${new URL(url).host} sends too slowly`)),
        timeoutMs,
      );
      try {
        const { done, value } = await Promise.race([reader.read(), late.promise]);
        if (done) return;
        yield value;
      } finally {
        clearTimeout(timer);
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

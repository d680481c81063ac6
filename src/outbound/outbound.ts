import { readFileSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { createAllowance } from './allowance.ts';
import { type Call, connect, failureOf, NotConnected } from './connect.ts';
import { OutboundError } from './outbound-error.ts';
import { bodyOf, headersOf } from './read-answer.ts';
import { streamOf } from './stream-answer.ts';
import { redirectOf, type Target, targetOf } from './target.ts';
import { createTurns } from './turns.ts';

/** Calls under way at once; more wait. */
const atOnce = 32;
/** Addresses of one name that are tried. */
const mostAddresses = 8;
/** How long one may take to accept a connection, where another is left and where none is (ms). */
const connectMs = 1500;
const lastConnectMs = 10_000;

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

export interface OutboundOptions {
  /** Hosts, addresses and ranges beside the public internet: `outbound.allow`. */
  allow: readonly string[];
  /** PEM files of further authorities: `outbound.ca`. */
  ca?: readonly string[];
  /** Instead of the system's. */
  resolve?: Resolve;
}

export interface OutboundRequest {
  /** GET where it is missing. */
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  headers?: Readonly<Record<string, string>>;
  /** The media types that are wanted. */
  accept?: string;
  body?: string | Uint8Array;
  /** Longest body of the answer, packed and unpacked (bytes). */
  maxBytes: number;
  /** From the call to the last byte of the answer, with all redirects (ms). */
  timeoutMs: number;
  /** How many are followed, by GET and HEAD alone; 0 where it is missing, and then one is an error. */
  maxRedirects?: number;
  /** A redirect is an answer as any other, for protocols in which it means something else. None is followed. */
  keepsRedirects?: boolean;
  /** Ends the call, the body of the answer included. */
  signal?: AbortSignal | undefined;
}

export interface OutboundAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  /** Where the answer came from in the end. */
  url: string;
}

/** A body that is read while it comes. */
export interface StreamRequest extends Omit<OutboundRequest, 'maxBytes' | 'timeoutMs'> {
  /** Until the answer begins, with all redirects (ms). How long its body may take is for whoever reads it. */
  timeoutMs: number;
}

export interface StreamedAnswer extends Omit<OutboundAnswer, 'bytes'> {
  /** As it was sent, never unpacked, and no faster than it is read. It must be read to its end or cancelled. */
  body: ReadableStream<Uint8Array>;
}

export interface Outbound {
  /**
   * Calls another server. Every address of its name is checked, and the one that was checked is connected to, so that a
   * name cannot lead into this network; so at each redirect. Throws OutboundError; an answer of any status is none.
   */
  request(url: string, request: OutboundRequest): Promise<OutboundAnswer>;
  /**
   * The same for bodies of any length. Throws as `request` does, also where an answer is packed; a body that breaks off rejects
   * a read with an OutboundError.
   */
  open(url: string, request: StreamRequest): Promise<StreamedAnswer>;
}

/** What may be sent on to another origin. Anything else might be a credential. */
const harmless = new Set(['accept', 'accept-language', 'range', 'user-agent']);
/** These are the connection's own. */
const reserved = /^(?:host|connection|transfer-encoding|content-length|te|trailer|upgrade|expect|proxy-.*|cookie)$/;

/**
 * The way to servers whose addresses come from outside: issuers, upstreams, webhooks. No keep-alive, cookies or proxies.
 * Throws where a file of `ca` is not readable or not PEM.
 */
export function createOutbound({ allow, ca = [], resolve = resolveBySystem }: OutboundOptions): Outbound {
  const allowance = createAllowance(allow);
  const secureContext = ca.length === 0 ? undefined : trustedBeside(ca);
  const turns = createTurns(atOnce);

  /** The addresses of a target, all of which may be connected to. */
  async function addressesOf({ host, secure }: Target, signal: AbortSignal): Promise<readonly string[]> {
    if (!secure && !allowance.plain(host)) {
      throw new OutboundError(
        'http_refused',
        `${host} may not be called by plain http; use https, or name it in outbound.allow`,
      );
    }
    const found = isIP(host) === 0 ? await within(signal, host, resolve(host)) : [host];
    const refused = found.find((address) => allowance.refusal(host, address) !== undefined);
    if (refused !== undefined) {
      throw new OutboundError(
        'address_refused',
        `${host} is not on the public internet; the operator can allow it with outbound.allow`,
        new Error(`${refused} is ${allowance.refusal(host, refused)}`),
      );
    }
    return found.slice(0, mostAddresses);
  }

  async function hop(target: Target, call: Call): Promise<IncomingMessage> {
    let failure: unknown;
    const addresses = await addressesOf(target, call.signal);
    for (const address of addresses) {
      try {
        return await connect(target, address, call, address === addresses.at(-1) ? lastConnectMs : connectMs);
      } catch (error) {
        if (!(error instanceof NotConnected)) throw error;
        failure = error.cause;
      }
    }
    throw failureOf(failure, target);
  }

  /** The answer at the end of all redirects, whose body is the caller's. */
  async function follow(
    first: Target,
    request: Omit<OutboundRequest, 'maxBytes' | 'timeoutMs'>,
    signal: AbortSignal,
  ): Promise<Followed> {
    const { method = 'GET', maxRedirects = 0 } = request;
    let target = first;
    let headers = headersToSend(request);
    for (let redirects = 0; ; redirects++) {
      const answer = await hop(target, { method, headers, body: request.body, signal, secureContext });
      let isLast = false;
      try {
        const received = headersOf(answer);
        const status = answer.statusCode ?? 0;
        if (status < 200 || status > 599)
          throw new OutboundError('bad_answer', `${target.host} answered with ${status}`);
        const location = received.get('location');
        const isRedirect = status >= 300 && status <= 399 && status !== 304 && location !== null;
        if (!isRedirect || request.keepsRedirects) {
          isLast = true;
          return { answer, target, status, headers: received };
        }
        const next = redirectOf(target, location);
        requireRedirect(target, next, method);
        if (redirects >= maxRedirects) {
          throw new OutboundError('too_many_redirects', `${first.host} redirects more than ${maxRedirects} times`);
        }
        if (next.url.origin !== target.url.origin) headers = keepHarmless(headers);
        target = next;
      } catch (error) {
        throw failureOf(error, target);
      } finally {
        // What was not read is not wanted.
        if (!isLast) answer.destroy();
      }
    }
  }

  async function readWhole(first: Target, request: OutboundRequest, signal: AbortSignal): Promise<OutboundAnswer> {
    const { answer, target, status, headers } = await follow(first, request, signal);
    try {
      const bytes = request.method === 'HEAD' ? new Uint8Array() : await bodyOf(answer, headers, request.maxBytes);
      return { status, headers, bytes, url: target.url.href };
    } catch (error) {
      throw failureOf(error, target);
    } finally {
      answer.destroy();
    }
  }

  /** Waits for a turn, then calls within what is left of the time. */
  async function inTurn<T>(
    first: Target,
    timeoutMs: number,
    controller: AbortController,
    call: (end: () => void) => Promise<T>,
  ): Promise<T> {
    const began = performance.now();
    const end = await turns.take(timeoutMs).catch((error: unknown) => {
      throw new OutboundError('busy', 'too many calls to other servers are under way; try again', error);
    });
    let isLate = false;
    const left = timeoutMs - (performance.now() - began);
    const timer = setTimeout(() => ((isLate = true), controller.abort()), Math.max(0, left));
    try {
      return await call(end);
    } catch (error) {
      end();
      // However the end of the time showed.
      if (!isLate) throw error;
      throw new OutboundError('timed_out', `${first.host} did not answer in time`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async request(url, request) {
      const first = targetOf(url);
      const controller = new AbortController();
      const forget = endedBy(request.signal, controller);
      return inTurn(first, request.timeoutMs, controller, async (end) => {
        const answer = await readWhole(first, request, controller.signal);
        end();
        return answer;
      }).finally(forget);
    },

    async open(url, request) {
      const first = targetOf(url);
      const controller = new AbortController();
      const forget = endedBy(request.signal, controller);
      return inTurn(first, request.timeoutMs, controller, async (end) => {
        const { answer, target, status, headers } = await follow(first, request, controller.signal);
        const body = streamOf(answer, target, headers, () => {
          forget();
          end();
        });
        return { status, headers, url: target.url.href, body };
      }).catch((error: unknown) => {
        forget();
        throw error;
      });
    },
  };
}

/** Ends a call with a signal; what it returns ends that. */
function endedBy(signal: AbortSignal | undefined, controller: AbortController): () => void {
  const giveUp = () => controller.abort();
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted) giveUp();
  return () => signal?.removeEventListener('abort', giveUp);
}

interface Followed {
  answer: IncomingMessage;
  target: Target;
  status: number;
  headers: Headers;
}

function headersToSend({
  headers = {},
  accept = '*/*',
}: Pick<OutboundRequest, 'headers' | 'accept'>): Record<string, string> {
  const sent: Record<string, string> = { 'user-agent': 'bonded', accept };
  for (const [name, value] of Object.entries(headers)) {
    if (reserved.test(name.toLowerCase())) throw new TypeError(`the header ${name} belongs to the connection`);
    sent[name.toLowerCase()] = value;
  }
  return sent;
}

function keepHarmless(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => harmless.has(name)));
}

function requireRedirect(from: Target, to: Target, method: string): void {
  if (method !== 'GET' && method !== 'HEAD') {
    throw new OutboundError('redirect_refused', `${from.host} redirects a ${method}, which is not followed`);
  }
  if (from.secure && !to.secure) throw new OutboundError('redirect_refused', `${from.host} redirects to plain http`);
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** A look-up cannot be called off: it goes on without anybody who waits for it. */
async function within(
  signal: AbortSignal,
  host: string,
  resolving: Promise<readonly string[]>,
): Promise<readonly string[]> {
  const { promise, reject } = Promise.withResolvers<never>();
  if (signal.aborted) reject(new Error('the time is over'));
  signal.addEventListener('abort', () => reject(new Error('the time is over')), { once: true });
  const found = await Promise.race([resolving, promise]).catch((error: unknown) => {
    throw new OutboundError('not_resolved', `${host} has no address`, error);
  });
  if (found.length === 0) throw new OutboundError('not_resolved', `${host} has no address`);
  return found;
}

function trustedBeside(files: readonly string[]): SecureContext {
  const more = files.map((file) => {
    const pem = readFileSync(file, 'utf8');
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`outbound.ca: ${file} has no PEM certificate`);
    return pem;
  });
  return createSecureContext({ ca: [...getCACertificates('default'), ...more] });
}

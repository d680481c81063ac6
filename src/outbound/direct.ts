import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates } from 'node:tls';
import { classOf } from './address-class.ts';
import { connect, failureOf, NotConnected } from './connect.ts';
import { OutboundError } from './outbound-error.ts';
import { bodyOf, headersOf } from './read-answer.ts';
import { type Target, targetOf } from './target.ts';

/** Longest answer where the caller names no length: a token or a document of discovery (bytes). */
const defaultMaxBytes = 1024 * 1024;
const defaultTimeoutMs = 20_000;
/** How long something on this machine may take to accept a connection (ms). */
const connectMs = 5000;

export interface DirectRequest {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array<ArrayBuffer>;
  /** From the call to the last byte of the answer (ms); 20 s where it is missing. */
  timeoutMs?: number;
  /** Longest answer (bytes); 1 MiB where it is missing. */
  maxBytes?: number;
}

/** Calls a server; the body of the answer is there as a whole. Throws OutboundError; an answer of any status is none. */
export type DirectCaller = (url: string, request?: DirectRequest) => Promise<Response>;

/**
 * The way out for commands, to what the person who runs them has named, or the platform that they run on: any address may be
 * called, by the proxies of the environment, as other programs of that person do. Nothing is sent on to where an answer
 * redirects. A server, which is told by others whom to call, uses `createOutbound`. `ca` are PEM files beside the authorities
 * that are trusted anyway; throws an Error where one cannot be read.
 */
export function createDirectCaller(ca: readonly string[] = []): DirectCaller {
  const trusted = ca.length === 0 ? undefined : [...getCACertificates('default'), ...ca.map(readAuthority)];
  return async (url, request = {}) => {
    const target = targetOf(url);
    const signal = AbortSignal.timeout(request.timeoutMs ?? defaultTimeoutMs);
    try {
      return await (isHere(target) ? callHere : callAway)(target, request, signal, trusted);
    } catch (error) {
      if (signal.aborted) throw new OutboundError('timed_out', `${target.host} did not answer in time`, error);
      throw failureOf(error instanceof NotConnected ? error.cause : error, target);
    }
  };
}

type Call = (
  target: Target,
  request: DirectRequest,
  signal: AbortSignal,
  trusted: string[] | undefined,
) => Promise<Response>;

/** By what the environment says of proxies. */
const callAway: Call = async (target, { method = 'GET', headers = {}, body, maxBytes }, signal, trusted) => {
  const answer = await fetch(target.url, {
    method,
    headers: { 'user-agent': 'bonded', ...headers },
    ...(body !== undefined && { body }),
    redirect: 'manual',
    signal,
    ...(trusted && { tls: { ca: trusted } }),
  });
  return responseOf(answer.status, answer.headers, await bounded(answer, target, maxBytes));
};

/** `fetch` would go by a proxy here, too, and cannot be told not to. */
const callHere: Call = async (target, { method = 'GET', headers = {}, body, maxBytes }, signal, trusted) => {
  const secureContext = trusted && target.secure ? createSecureContext({ ca: trusted }) : undefined;
  const sent = { 'user-agent': 'bonded', accept: '*/*', ...headers };
  // Not every system knows the names below it (RFC 6761 §6.3).
  const place = target.host.endsWith('.localhost') ? 'localhost' : target.host;
  const answer = await connect(target, place, { method, headers: sent, body, signal, secureContext }, connectMs);
  const received = headersOf(answer);
  return responseOf(answer.statusCode ?? 0, received, await bodyOf(answer, received, maxBytes ?? defaultMaxBytes));
};

function responseOf(status: number, headers: Headers, bytes: Uint8Array<ArrayBuffer>): Response {
  const hasBody = status !== 204 && status !== 205 && status !== 304;
  return new Response(hasBody ? bytes : null, { status, headers });
}

/** This machine and what only it reaches, such as a server of metadata: no proxy knows them. */
function isHere({ host }: Target): boolean {
  if (host === 'localhost' || host.endsWith('.localhost') || host === 'metadata.google.internal') return true;
  return ['loopback', 'link_local'].includes(classOf(host));
}

function readAuthority(file: string): string {
  const pem = readFileSync(file, 'utf8');
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error(`${file} has no PEM certificate`);
  return pem;
}

async function bounded(
  answer: Response,
  { host }: Target,
  maxBytes = defaultMaxBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new OutboundError('too_large', `${host} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

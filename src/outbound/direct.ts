import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { classOf } from './address-class.ts';
import { failureOf } from './connect.ts';
import { OutboundError } from './outbound-error.ts';
import { type Target, targetOf } from './target.ts';

/** Longest answer: a token or a document of discovery, never content (bytes). */
const maxBytes = 1024 * 1024;
const defaultTimeoutMs = 20_000;

export interface DirectRequest {
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** From the call to the last byte of the answer (ms); 20 s where it is missing. */
  timeoutMs?: number;
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
  const tls = ca.length === 0 ? undefined : { ca: [...getCACertificates('default'), ...ca.map(readAuthority)] };
  return async (url, { method = 'GET', headers = {}, body, timeoutMs = defaultTimeoutMs } = {}) => {
    const target = targetOf(url);
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await fetch(target.url, {
        method,
        headers: { 'user-agent': 'bonded', ...headers },
        ...(body !== undefined && { body }),
        redirect: 'manual',
        signal,
        ...(isHere(target) && { proxy: '' }),
        ...(tls && { tls }),
      });
      const bytes = await bounded(answer, target);
      const { status, statusText } = answer;
      const withBody = status !== 204 && status !== 205 && status !== 304;
      return new Response(withBody ? bytes : null, { status, statusText, headers: answer.headers });
    } catch (error) {
      if (signal.aborted) throw new OutboundError('timed_out', `${target.host} did not answer in time`, error);
      throw failureOf(error, target);
    }
  };
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

async function bounded(answer: Response, { host }: Target): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new OutboundError('too_large', `${host} answered with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { OutboundError } from './outbound-error.ts';
import type { Target } from './target.ts';

/** Of all headers of an answer together (bytes). */
const maxHeaderSize = 32_768;

export interface Call {
  method: string;
  headers: Readonly<Record<string, string>>;
  body: string | Uint8Array | undefined;
  /** Ends the call, the body of the answer included. */
  signal: AbortSignal;
  /** Undefined: the authorities that Bun trusts. */
  secureContext: SecureContext | undefined;
}

/** Nobody listens at the address, or it cannot be reached: another one of the same name may do. */
export class NotConnected extends Error {}

/**
 * Sends a request to one address of a host, and resolves when the answer begins. The certificate must name the host,
 * whatever the address is. `fetch` is not used: it obeys the environment's proxies, which look names up by themselves. Throws
 * NotConnected, or OutboundError once somebody was reached.
 */
export async function connect(
  target: Target,
  address: string,
  call: Call,
  connectMs: number,
): Promise<http.IncomingMessage> {
  const { method, signal, secureContext } = call;
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
  const options: https.RequestOptions = {
    host: address,
    port: target.port,
    path: `${target.url.pathname}${target.url.search}`,
    method,
    headers: { ...call.headers, host: target.url.host, 'accept-encoding': 'identity' },
    agent: false,
    maxHeaderSize,
    signal,
  };
  const request = target.secure
    ? https.request({
        ...options,
        servername: isIP(target.host) === 0 ? target.host : '',
        // Whatever the environment says.
        rejectUnauthorized: true,
        ...(secureContext && { secureContext }),
      })
    : http.request(options);
  let connected = false;
  const timer = setTimeout(() => request.destroy(new Error('no connection came about')), connectMs);
  request.once('socket', (socket) => {
    socket.once('connect', () => {
      connected = true;
      clearTimeout(timer);
    });
  });
  request.once('response', (answer) => {
    // Whoever reads the body hears of it; a body that nobody wants may break.
    answer.on('error', () => {});
    resolve(answer);
  });
  request.on('error', (error) => {
    if (signal.aborted || connected) reject(failureOf(error, target));
    else reject(new NotConnected('not connected', { cause: error }));
  });
  request.end(call.body);
  return promise.finally(() => clearTimeout(timer));
}

/** What went wrong with a connection, in the words of `OutboundReason`. */
export function failureOf(error: unknown, { host }: Target): OutboundError {
  if (error instanceof OutboundError) return error;
  const code = (error as { code?: unknown }).code;
  const text = typeof code === 'string' ? code : '';
  if (text === 'ABORT_ERR') return new OutboundError('timed_out', `${host} did not answer in time`, error);
  if (text === 'HPE_HEADER_OVERFLOW') {
    return new OutboundError('too_large', `${host} sent more than ${maxHeaderSize} bytes of headers`, error);
  }
  if (text.startsWith('HPE_')) return new OutboundError('bad_answer', `${host} sent something that is not HTTP`, error);
  if (/^EPROTO$|WRONG_VERSION|UNSUPPORTED_PROTOCOL/.test(text)) {
    return new OutboundError(
      'tls_refused',
      `${host} does not speak TLS there, or no version of it that is safe`,
      error,
    );
  }
  if (/CERT|ISSUER|VERIFY|ALTNAME|SSL|TLS/.test(text)) {
    return new OutboundError('tls_refused', `the certificate of ${host} is not trusted or names another host`, error);
  }
  return new OutboundError('unreachable', `${host} cannot be reached`, error);
}

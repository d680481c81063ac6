import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { targetOf } from './target.ts';

/** What a server shows, whoever has signed it. */
export interface ServerCertificate {
  /** When it ends (ms since 1970). */
  endsAt: number;
  /** Who signed it, as far as it has a name. */
  issuer: string;
}

/**
 * The certificate that a server shows to a direct connection; undefined where there is none within the time. It is looked at
 * and not believed.
 */
export function certificateOf(url: string, timeoutMs: number): Promise<ServerCertificate | undefined> {
  const { host, port } = targetOf(url);
  const { promise, resolve } = Promise.withResolvers<ServerCertificate | undefined>();
  const socket = connect({
    host: host.endsWith('.localhost') ? 'localhost' : host,
    port,
    servername: isIP(host) === 0 ? host : '',
    rejectUnauthorized: false,
  });
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  socket.once('secureConnect', () => {
    const { valid_to: end, issuer } = socket.getPeerCertificate();
    const endsAt = Date.parse(end);
    const name = [issuer?.CN ?? issuer?.O ?? ''].flat()[0]!;
    resolve(Number.isNaN(endsAt) ? undefined : { endsAt, issuer: name });
  });
  socket.on('error', () => resolve(undefined));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

import { readFileSync } from 'node:fs';
import type { ListenAddress } from '../config/index.ts';
import { type AnswerOptions, createAnswer } from './answer.ts';
import { listenOnFreePort } from './listen.ts';

export interface ServerOptions extends Omit<AnswerOptions, 'probes' | 'servesMetrics'> {
  listen: ListenAddress;
  /** Where `/metrics` is answered instead of on the main listener. */
  metricsListen: ListenAddress | undefined;
  /** PEM files. */
  tls: { certificate: string; key: string } | undefined;
  ready(): Promise<void>;
}

export interface HttpServer {
  /** Such as `http://127.0.0.1:5000`. */
  readonly url: string;
  readonly metricsUrl: string | undefined;
  /**
   * Says 503 at `/readyz` and goes on for `delayMs`; then accepts nothing new and waits up to `timeoutMs` for what is
   * in flight. Resolves with the number of requests that were cut.
   */
  drain(delayMs: number, timeoutMs: number): Promise<number>;
}

/** Serves a protocol: listeners, TLS and the drain. The only caller of `Bun.serve`. */
export function startServer(options: ServerOptions): HttpServer {
  const { listen, metricsListen } = options;
  let draining = false;
  const probes = { ready: options.ready, draining: () => draining };
  const shared = {
    // Every reader of a body counts; Bun's own limit would answer 413 without a body.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: options.idleSeconds,
    // Said expressly: a second server would otherwise share a taken port silently.
    reusePort: false,
    development: false,
  };

  const main = createAnswer({ ...options, probes, servesMetrics: metricsListen === undefined });
  const tls = options.tls && {
    cert: readPem('tls.certificate', options.tls.certificate),
    key: readPem('tls.key', options.tls.key),
  };
  const server = listenOnFreePort(listen, (port) =>
    Bun.serve({ ...shared, ...(tls && { tls }), hostname: listen.host, port, fetch: main.answer, error: main.failed }),
  );

  // The same checks of Host and browsers hold on a listener of its own.
  const aside = createAnswer({ ...options, probes, servesMetrics: true, handle: async () => undefined });
  let side: Bun.Server<undefined> | undefined;
  try {
    side =
      metricsListen &&
      Bun.serve({
        ...shared,
        hostname: metricsListen.host,
        port: metricsListen.port,
        fetch: aside.answer,
        error: aside.failed,
      });
  } catch (error) {
    void server.stop(true);
    throw error;
  }

  return {
    url: originOf(server, listen.host, tls !== undefined),
    metricsUrl: side && `${originOf(side, metricsListen!.host, false)}/metrics`,
    async drain(delayMs, timeoutMs) {
      draining = true;
      await Bun.sleep(delayMs);
      const late = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => late.resolve('late'), timeoutMs);
      let cut = 0;
      if ((await Promise.race([server.stop(false), late.promise])) === 'late') {
        cut = server.pendingRequests;
        await server.stop(true);
      }
      clearTimeout(timer);
      await side?.stop(true);
      return cut;
    },
  };
}

function readPem(key: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`${key}: cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`, { cause: error });
  }
}

function originOf(server: { port?: number | undefined }, host: string, secure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${secure ? 'https' : 'http'}://${name}:${server.port}`;
}

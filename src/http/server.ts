import type { ListenAddress } from '../config/index.ts';
import { type AnswerOptions, createAnswer } from './answer.ts';
import { listenOn, listenOnFreePort } from './listen.ts';
import { isLoopback } from './hosts.ts';
import { shareReady } from './probes.ts';
import { loadTls, type TlsFiles } from './tls.ts';

export interface ServerOptions extends Omit<AnswerOptions, 'probes' | 'servesMetrics' | 'secure'> {
  listen: ListenAddress;
  /** Where `/metrics` is answered instead of on the main listener. */
  metricsListen: ListenAddress | undefined;
  tls: TlsFiles | undefined;
  /** For one process of several that share the ports, which `reservePorts` has found. */
  reusePort: boolean;
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
  const { listen, log, metricsListen, reusePort } = options;
  let draining = false;
  const probes = { ready: shareReady(options.ready), draining: () => draining };
  const shared = {
    // Every reader of a body counts; Bun's own limit would answer 413 without a body.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    idleTimeout: options.idleSeconds,
    // Said expressly: a second server would otherwise share a taken port silently.
    reusePort,
    development: false,
  };

  const main = createAnswer({
    ...options,
    probes,
    secure: options.tls !== undefined,
    // They tell of everything that goes on here, to whoever asks.
    servesMetrics: metricsListen === undefined && isLoopback(listen.host),
  });
  const { expires, ...tls } = options.tls ? loadTls(options.tls) : {};
  if (expires && expires.getTime() < Date.now())
    log.warn({ expires }, 'the certificate has expired; clients refuse it');
  const start = (port: number) =>
    Bun.serve({
      ...shared,
      ...(options.tls && { tls }),
      hostname: listen.host,
      port,
      fetch: main.answer,
      error: main.failed,
    });
  const server = reusePort ? listenOn('listen', listen, start) : listenOnFreePort(listen, start);
  if (listen.port !== 0 && server.port !== listen.port)
    log.warn({ wanted: listen.port, port: server.port }, 'the port is taken; the next free one is used');

  // The same checks of Host and browsers hold on a listener of its own.
  const aside = createAnswer({ ...options, probes, secure: false, servesMetrics: true, handle: async () => undefined });
  let side: Bun.Server<undefined> | undefined;
  try {
    side =
      metricsListen &&
      listenOn('metrics.listen', metricsListen, (port) =>
        Bun.serve({ ...shared, hostname: metricsListen.host, port, fetch: aside.answer, error: aside.failed }),
      );
  } catch (error) {
    void server.stop(true);
    throw error;
  }

  return {
    url: originOf(server, listen.host, options.tls !== undefined),
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

function originOf(server: { port?: number | undefined }, host: string, secure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${secure ? 'https' : 'http'}://${name}:${server.port}`;
}

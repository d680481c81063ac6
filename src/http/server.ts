import type { ListenAddress } from '../config/index.ts';
import { type AnswerOptions, createAnswer } from './answer.ts';
import { createInFlight, type InFlightLimits } from './in-flight.ts';
import { listenOn, listenOnFreePort } from './listen.ts';
import { isLoopback } from './hosts.ts';
import { shareReady } from './probes.ts';
import { loadTls, type TlsFiles } from './tls.ts';

/** A listener beside the main one: requests say that they came by it. It speaks TLS where that does. */
export interface NamedListener {
  name: string;
  listen: ListenAddress;
}

export interface ServerOptions extends Omit<
  AnswerOptions,
  'probes' | 'servesMetrics' | 'secure' | 'inFlight' | 'listener'
> {
  listen: ListenAddress;
  listeners?: readonly NamedListener[];
  limits: InFlightLimits;
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
  /** Of the named listeners, in their order. */
  readonly listenerUrls: readonly string[];
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

  const edge = { ...options, probes, inFlight: createInFlight(options.limits) };
  const secure = options.tls !== undefined;
  const main = createAnswer({
    ...edge,
    secure,
    // They tell of everything that goes on here, to whoever asks on this machine: not to those for whom a proxy here asks.
    servesMetrics: (exchange) =>
      metricsListen === undefined && isLoopback(listen.host) && exchange.isLocal() && exchange.way().kind === 'public',
  });
  const { expires, ...tls } = options.tls ? loadTls(options.tls) : {};
  if (expires && expires.getTime() < Date.now())
    log.warn({ expires }, 'the certificate has expired; clients refuse it');
  const serve = ({ answer, failed }: ReturnType<typeof createAnswer>, hostname: string, port: number) =>
    Bun.serve({ ...shared, ...(options.tls && { tls }), hostname, port, fetch: answer, error: failed });
  const start = (port: number) => serve(main, listen.host, port);
  const server = reusePort ? listenOn('listen', listen, start) : listenOnFreePort(listen, start);
  if (listen.port !== 0 && server.port !== listen.port)
    log.warn({ wanted: listen.port, port: server.port }, 'the port is taken; the next free one is used');

  // The same checks of Host and browsers hold on a listener of its own.
  const aside = createAnswer({ ...edge, secure: false, servesMetrics: () => true, handle: async () => undefined });
  const named: { server: Bun.Server<undefined>; host: string }[] = [];
  let side: Bun.Server<undefined> | undefined;
  try {
    for (const { name, listen: own } of options.listeners ?? []) {
      const answer = createAnswer({ ...edge, secure, servesMetrics: () => false, listener: name });
      const setting = `network.listeners: ${name}`;
      named.push({ server: listenOn(setting, own, (port) => serve(answer, own.host, port)), host: own.host });
    }
    side =
      metricsListen &&
      listenOn('metrics.listen', metricsListen, (port) =>
        Bun.serve({ ...shared, hostname: metricsListen.host, port, fetch: aside.answer, error: aside.failed }),
      );
  } catch (error) {
    for (const started of [server, ...named.map((one) => one.server)]) void started.stop(true);
    throw error;
  }
  const serving = [server, ...named.map((one) => one.server)];

  return {
    url: originOf(server, listen.host, secure),
    listenerUrls: named.map((one) => originOf(one.server, one.host, secure)),
    metricsUrl: side && `${originOf(side, metricsListen!.host, false)}/metrics`,
    async drain(delayMs, timeoutMs) {
      draining = true;
      await Bun.sleep(delayMs);
      const late = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => late.resolve('late'), timeoutMs);
      let cut = 0;
      const finished = Promise.all(serving.map((one) => one.stop(false)));
      if ((await Promise.race([finished, late.promise])) === 'late') {
        cut = serving.reduce((sum, one) => sum + one.pendingRequests, 0);
        await Promise.all(serving.map((one) => one.stop(true)));
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

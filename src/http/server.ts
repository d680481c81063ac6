import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import type { Server } from 'bun';
import type { ListenAddress } from '../config/index.ts';
import { RegistryError } from '../errors/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import { refuseBrowsers } from './browsers.ts';
import { createAddressReader } from './client-address.ts';
import type { Exchange } from './exchange.ts';
import type { HostTable } from './hosts.ts';
import { listenOnFreePort } from './listen.ts';
import { answerProbe, type Probes } from './probes.ts';
import { asRegistryError, renderError } from './render-error.ts';
import { recordOutcome } from './request-log.ts';
import { targetOf } from './target.ts';

export interface ServerOptions {
  listen: ListenAddress;
  /** Where `/metrics` is answered instead of on the main listener. */
  metricsListen: ListenAddress | undefined;
  /** PEM files. */
  tls: { certificate: string; key: string } | undefined;
  trustedProxies: readonly string[];
  hosts: HostTable;
  /** The protocol; undefined when the path is none of its own. */
  handle(exchange: Exchange): Promise<Response | undefined>;
  /** Told of a file that was gone when its answer was to begin. */
  missingFile(path: string): void;
  ready(): Promise<void>;
  log: Log;
  metrics: Metrics;
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

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
/** Seconds; a connection that is silent for longer is closed, unless its handler took the limit off. */
const idleSeconds = 120;

/** The edge: bounds of every request, errors, log and metrics around a protocol. The only caller of `Bun.serve`. */
export function startServer(options: ServerOptions): HttpServer {
  const { log, metrics } = options;
  const addressOf = createAddressReader(options.trustedProxies);
  const prefix = randomBytes(6).toString('hex');
  let count = 0;
  let draining = false;
  const probes: Probes = {
    ready: options.ready,
    draining: () => draining,
    metrics: options.metricsListen ? undefined : metrics,
  };

  async function answer(request: Request, server: Server<undefined>): Promise<Response> {
    const started = performance.now();
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const socket = server.requestIP(request)?.address ?? '';
    const exchange = {
      request,
      method: request.method,
      path: '',
      query: '',
      registryId: 0,
      requestId,
      address: addressOf(socket, request.headers.get('x-forwarded-for')),
      route: 'none',
      untimed: () => server.timeout(request, 0),
    };
    let response: Response;
    let error: RegistryError | undefined;
    try {
      const target = targetOf(request);
      exchange.path = target.path;
      exchange.query = target.query;
      const probe = await answerProbe(target.path, probes);
      if (probe) return probe;
      if (!methods.has(request.method)) throw unsupported();
      exchange.registryId = options.hosts.registryOf(target.host);
      refuseBrowsers(request);
      const answered = await options.handle(exchange);
      if (!answered) throw new RegistryError('NOT_FOUND', { message: 'nothing is served here; the registry API is at /v2/' });
      response = answered;
    } catch (thrown) {
      error = asRegistryError(thrown);
      response = renderError(error, request, requestId);
    }
    response.headers.set('X-Request-Id', requestId);
    response.headers.set('X-Content-Type-Options', 'nosniff');
    if (draining) response.headers.set('Connection', 'close');
    recordOutcome(log, metrics, { exchange, status: response.status, elapsedMs: performance.now() - started, error });
    return response;
  }

  /** Only a file that cannot be opened comes here: everything else was caught above. */
  function failed(error: Error & { code?: string; path?: string }): Response {
    const requestId = `${prefix}-${(++count).toString(36)}`;
    const gone = error.code === 'ENOENT' && error.path !== undefined;
    log.error({ requestId, err: error }, gone ? 'the bytes of a blob are missing' : 'an answer failed');
    if (gone) options.missingFile(error.path!);
    const shown = new RegistryError(gone ? 'BLOB_UNKNOWN' : 'UNKNOWN', {
      ...(gone && { message: 'the bytes of this blob are missing; push it again' }),
    });
    return renderError(shown, new Request('http://localhost'), requestId);
  }

  const tls = options.tls && {
    cert: readFileSync(options.tls.certificate),
    key: readFileSync(options.tls.key),
  };
  const main = listenOnFreePort(options.listen, (port) =>
    Bun.serve({
      hostname: options.listen.host,
      port,
      ...(tls && { tls }),
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      idleTimeout: idleSeconds,
      development: false,
      fetch: answer,
      error: failed,
    }),
  );
  const side =
    options.metricsListen &&
    Bun.serve({
      hostname: options.metricsListen.host,
      port: options.metricsListen.port,
      development: false,
      fetch: async (request) =>
        (await answerProbe(targetOf(request).path, { ...probes, metrics })) ?? new Response('not found\n', { status: 404 }),
      error: () => new Response('bad request\n', { status: 400 }),
    });

  return {
    url: originOf(main, options.listen.host, tls !== undefined),
    metricsUrl: side && `${originOf(side, options.metricsListen!.host, false)}/metrics`,
    async drain(delayMs, timeoutMs) {
      draining = true;
      await Bun.sleep(delayMs);
      const late = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => late.resolve('late'), timeoutMs);
      let cut = 0;
      if ((await Promise.race([main.stop(false), late.promise])) === 'late') {
        cut = main.pendingRequests;
        await main.stop(true);
      }
      clearTimeout(timer);
      await side?.stop(true);
      return cut;
    },
  };
}

function unsupported(): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    message: 'the method is not served here',
    headers: { Allow: [...methods].join(', ') },
  });
}

function originOf(server: { port?: number | undefined }, host: string, secure: boolean): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return `${secure ? 'https' : 'http'}://${name}:${server.port}`;
}

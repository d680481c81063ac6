import { randomBytes } from 'node:crypto';
import type { Server } from 'bun';
import { asRegistryError, RegistryError } from '../errors/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import { refuseBrowsers } from './browsers.ts';
import { canonicalAddress, createClientAddresses } from './client-address.ts';
import type { Exchange } from '../exchange/index.ts';
import type { HostTable } from './hosts.ts';
import type { createInFlight } from './in-flight.ts';
import { createOriginReader } from './origin.ts';
import { answerMetrics, answerProbe, type Probes, type Unready } from './probes.ts';
import { renderError } from './render-error.ts';
import { leavesBodyUnread, lingering, readBytes, requireOneLength } from './request-body.ts';
import { recordOutcome } from './request-log.ts';
import { hostOf, targetOf } from './target.ts';
import { comesFromHere, createWayReader, type WayOptions } from './way.ts';

export interface AnswerOptions extends WayOptions {
  trustedProxies: readonly string[];
  hosts: HostTable;
  /** See `OriginOptions`. */
  publicUrl?: string | undefined;
  /** Whether the listener speaks TLS. */
  secure: boolean;
  /** The protocol; undefined when the path is none of its own. */
  handle(exchange: Exchange): Promise<Response | undefined>;
  /** An error as the protocol of its path writes it; undefined where that is OCI's. */
  renderError?(error: RegistryError, exchange: Exchange): Response | undefined;
  /** Told of a file that was gone when its answer was to begin. */
  missingFile(path: string): void;
  probes: Probes;
  /** Whether `/metrics` is answered to a request. */
  servesMetrics(exchange: Exchange): boolean;
  /** After which silence a connection is closed (s). */
  idleSeconds: number;
  /** Of the process: all listeners share it. */
  inFlight: ReturnType<typeof createInFlight>;
  log: Log;
  metrics: Metrics;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);

type Draft = { -readonly [Key in keyof Exchange]: Exchange[Key] };

/** What happens around every request: bounds, errors, log and metrics. */
export function createAnswer(options: AnswerOptions) {
  const { hosts, inFlight, log, metrics, probes } = options;
  const addresses = createClientAddresses(options.trustedProxies);
  const wayOf = createWayReader(options, addresses.isProxy);
  const originOf = createOriginReader({ ...options, defaultRegistry: hosts.defaultRegistry });
  const prefix = randomBytes(6).toString('hex');
  let count = 0;
  const nextId = () => `${prefix}-${(++count).toString(36)}`;

  async function act(exchange: Draft, unready: Unready): Promise<Response> {
    const probe = answerProbe(exchange.method, exchange.path, probes, unready);
    if (probe) return probe;
    if (!methods.has(exchange.method)) throw unsupported();
    inFlight.enter(exchange.method);
    try {
      return await serve(exchange);
    } finally {
      inFlight.leave(exchange.method);
    }
  }

  async function serve(exchange: Draft): Promise<Response> {
    const host = hostOf(exchange.request);
    try {
      exchange.registryId = hosts.registryOf(host);
    } catch (error) {
      if (!hosts.refresh) throw error;
      await hosts.refresh();
      exchange.registryId = hosts.registryOf(host);
    }
    exchange.atDataEndpoint = hosts.isDataEndpoint(host);
    refuseBrowsers(exchange.request);
    requireOneLength(exchange.request);
    if (exchange.path === '/metrics' && options.servesMetrics(exchange)) return answerMetrics(exchange.method, metrics);
    const answered = await options.handle(exchange);
    if (answered) return answered;
    throw new RegistryError('NOT_FOUND', { message: 'nothing is served here; the registry API is at /v2/' });
  }

  async function answer(request: Request, server: Server<undefined>): Promise<Response> {
    const started = performance.now();
    const { method } = request;
    const { path, query } = targetOf(request.url);
    let timed = true;
    let address: string | undefined;
    const socket = () => server.requestIP(request)?.address ?? '';
    const exchange: Draft = {
      request,
      method,
      path,
      query,
      registryId: 0,
      requestId: nextId(),
      address: () => (address ??= addresses.of(socket(), request.headers.get('x-forwarded-for'))),
      way: () => wayOf(request, socket),
      isLocal: () => comesFromHere(request, canonicalAddress(socket())),
      atDataEndpoint: false,
      origin: () =>
        originOf({
          registryId: exchange.registryId,
          host: request.headers.get('host') ?? '',
          forwardedScheme:
            addresses.trustsAny && addresses.isProxy(socket()) ? request.headers.get('x-forwarded-proto') : null,
        }),
      bytes: (maxBytes) => readBytes(request, maxBytes),
      route: 'none',
      untimed() {
        timed = false;
        server.timeout(request, 0);
      },
    };
    // A client that goes away during its push takes its address along.
    if (method !== 'GET' && method !== 'HEAD') exchange.address();
    let response: Response;
    let error: RegistryError | undefined;
    let cause: unknown;
    try {
      response = await act(exchange, (why) => (cause = why));
    } catch (thrown) {
      error = asRegistryError(thrown);
      cause = error.cause;
      response = options.renderError?.(error, exchange) ?? renderError(error, method, exchange.requestId);
    }
    const unread = leavesBodyUnread(request, error !== undefined);
    if (error && unread && error.status !== 408) response = await lingering(response, request);
    const { headers, status } = response;
    if (exchange.headers) for (const [name, value] of Object.entries(exchange.headers)) headers.set(name, value);
    headers.set('X-Request-Id', exchange.requestId);
    headers.set('X-Content-Type-Options', 'nosniff');
    if (unread || probes.draining()) headers.set('Connection', 'close');
    // The limit belongs to the connection: without it the next request's silence would last for ever.
    if (!timed) server.timeout(request, options.idleSeconds);
    recordOutcome(log, metrics, { exchange, status, elapsedMs: performance.now() - started, error, cause });
    return response;
  }

  /** Only a file that cannot be opened comes here: everything else was caught above. */
  function failed(thrown: Error & { code?: string; path?: string }): Response {
    const requestId = nextId();
    const { path } = thrown;
    const gone = thrown.code === 'ENOENT' && path !== undefined;
    const error = gone
      ? new RegistryError('BLOB_UNKNOWN', { message: 'the bytes of this blob are missing; push it again' })
      : asRegistryError(thrown);
    const fields = { requestId, status: error.status, code: error.code, reason: error.message };
    // It may only have been collected meanwhile: who is told of the file finds out.
    if (gone) log.info({ ...fields, file: path }, 'refused');
    else log.error({ ...fields, err: thrown }, 'failed');
    metrics.refused(error.code);
    if (gone) options.missingFile(path);
    const response = renderError(error, 'GET', requestId);
    response.headers.set('X-Request-Id', requestId);
    return response;
  }

  return { answer, failed };
}

function unsupported(): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    message: 'the method is not served here',
    headers: { Allow: [...methods].join(', ') },
  });
}

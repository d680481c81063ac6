import type { RegistryError } from '../errors/index.ts';
import type { Log, Metrics } from '../telemetry/index.ts';
import type { Exchange } from '../exchange/index.ts';

export interface Outcome {
  exchange: Exchange;
  status: number;
  /** From the request's arrival until its answer began (ms). */
  elapsedMs: number;
  error: RegistryError | undefined;
  /** What is behind a failure, for the log only. */
  cause: unknown;
}

const longestField = 512;

/** The one place where requests are counted and logged; each refusal with its reason. */
export function recordOutcome(
  log: Log,
  metrics: Metrics,
  { exchange, status, elapsedMs, error, cause }: Outcome,
): void {
  const { method, path, requestId, route, request } = exchange;
  metrics.request(method, route, status, elapsedMs / 1000);
  if (error) metrics.refused(error.code);
  const level = levelOf(method, status);
  if (!log.isLevelEnabled(level)) return;
  const fields = {
    requestId,
    method,
    path: path.slice(0, longestField),
    status,
    ms: Math.round(elapsedMs * 10) / 10,
    address: exchange.address(),
    client: (request.headers.get('user-agent') ?? '').slice(0, 200),
    ...(error && { code: error.code, reason: error.message }),
    // Where the program stood is of interest only where it is at fault.
    ...(level === 'error' ? { err: cause ?? error } : level === 'warn' && cause ? { cause: saidBy(cause) } : {}),
  };
  log[level](fields, status >= 500 ? 'failed' : error ? 'refused' : 'served');
}

/** What an error says, and what is behind it: the first may only follow from the last. */
function saidBy(cause: unknown, depth = 0): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause === undefined || depth > 3 ? cause.message : `${cause.message}: ${saidBy(cause.cause, depth + 1)}`;
}

/** HEAD that misses is an answer, not a refusal: clients ask before they push. Whoever means to read is told no. */
function levelOf(method: string, status: number): 'debug' | 'info' | 'warn' | 'error' {
  if (status === 507 || status === 503) return 'warn';
  if (status >= 500) return 'error';
  if (status === 404) return method === 'HEAD' ? 'debug' : 'info';
  if (status >= 400) return 'info';
  return method === 'GET' || method === 'HEAD' || method === 'PATCH' ? 'debug' : 'info';
}

import { RegistryError } from '../errors/index.ts';
import type { Metrics } from '../telemetry/index.ts';

export interface Probes {
  /** Rejects when the registry cannot serve. */
  ready(): Promise<void>;
  draining(): boolean;
}

/** Told why the registry is not ready. The log has it; it is no business of whoever can reach the port. */
export type Unready = (error: unknown) => void;

/**
 * `/healthz` (the process runs) and `/readyz` (it can serve now); undefined for every other path. They tell nothing
 * but that, so they answer under every Host: balancers send none, or an address.
 */
export function answerProbe(
  method: string,
  path: string,
  probes: Probes,
  unready: Unready,
): Response | Promise<Response> | undefined {
  if (path !== '/healthz' && path !== '/readyz') return undefined;
  requireRead(method);
  return path === '/healthz' ? answerText('ok') : answerReady(probes, unready);
}

/** An answer that takes longer (ms) is waited for by nobody else: what it waits for may be lost. */
const sharedMs = 5000;

/**
 * Probes that come while one is being answered share its answer: each asks the database and the store, and whoever
 * reaches the port may send any number.
 */
export function shareReady(ready: Probes['ready'], now = performance.now.bind(performance)): Probes['ready'] {
  let asked: { at: number; answer: Promise<void> } | undefined;
  return () => {
    if (asked && now() - asked.at < sharedMs) return asked.answer;
    const one = {
      at: now(),
      answer: ready().finally(() => {
        if (asked === one) asked = undefined;
      }),
    };
    asked = one;
    return one.answer;
  };
}

async function answerReady(probes: Probes, unready: Unready): Promise<Response> {
  if (probes.draining()) return answerText('draining', 503);
  try {
    await probes.ready();
    return answerText('ok');
  } catch (error) {
    unready(error);
    return answerText('unavailable', 503);
  }
}

function answerText(text: string, status = 200): Response {
  return new Response(`${text}\n`, { status, headers: { 'Content-Type': 'text/plain' } });
}

/** `/metrics`, for whoever has passed the checks of Host and browsers. */
export async function answerMetrics(method: string, metrics: Metrics): Promise<Response> {
  requireRead(method);
  return new Response(await metrics.render(), { headers: { 'Content-Type': metrics.contentType } });
}

function requireRead(method: string): void {
  if (method === 'GET' || method === 'HEAD') return;
  throw new RegistryError('UNSUPPORTED', { message: 'the method is not served here', headers: { Allow: 'GET, HEAD' } });
}

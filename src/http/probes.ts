import type { Metrics } from '../telemetry/index.ts';

export interface Probes {
  /** Rejects when the registry cannot serve. */
  ready(): Promise<void>;
  draining(): boolean;
  metrics: Metrics | undefined;
}

/** `/healthz` (the process runs), `/readyz` (it can serve now) and `/metrics`; undefined for every other path. */
export async function answerProbe(path: string, probes: Probes): Promise<Response | undefined> {
  if (path === '/healthz') return new Response('ok\n');
  if (path === '/readyz') {
    if (probes.draining()) return new Response('draining\n', { status: 503 });
    try {
      await probes.ready();
      return new Response('ok\n');
    } catch {
      // Why is in the log and no business of whoever can reach this port.
      return new Response('unavailable\n', { status: 503 });
    }
  }
  if (path === '/metrics' && probes.metrics) {
    return new Response(await probes.metrics.render(), { headers: { 'Content-Type': probes.metrics.contentType } });
  }
  return undefined;
}

import { createDirectCaller } from '../../outbound/index.ts';
import { registryAddress } from '../registry-address.ts';
import type { ProofRequest, Surroundings } from './proof.ts';

export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  form: Record<string, string>;
}

type Answer = Response | object | undefined;

/** A server on loopback that answers as a platform does, and keeps what it was asked. Undefined is 404. */
export function openPlatform(answer: (asked: Asked) => Answer | Promise<Answer>) {
  const asked: Asked[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const one = {
        method: request.method,
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        headers: Object.fromEntries(request.headers),
        form: Object.fromEntries(new URLSearchParams(await request.text())),
      };
      asked.push(one);
      const answered = await answer(one);
      if (answered instanceof Response) return answered;
      return answered === undefined ? new Response('none', { status: 404 }) : Response.json(answered);
    },
  });
  return {
    origin: `http://127.0.0.1:${server.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

export const at = 1_700_000_000_000;

/** What a proof is looked for in, with nothing but what is given. */
export function surroundings(
  environment: Record<string, string> = {},
  metadata?: string,
): Surroundings & { said: string[] } {
  const said: string[] = [];
  return {
    environment,
    call: createDirectCaller(),
    metadata: metadata === undefined ? undefined : { azure: metadata, aws: metadata, google: metadata },
    say: (text) => void said.push(text),
    said,
    now: () => at,
  };
}

export function requestTo(host = 'registry.example.com', more: Partial<ProofRequest> = {}): ProofRequest {
  return { registry: registryAddress(host), ...more };
}

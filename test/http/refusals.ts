import { describe, expect, test } from 'bun:test';
import type { startTestApp } from '../support/server.ts';
import { countFacts } from './facts.ts';
import { errorOf } from './registry.ts';

export type TestApp = Awaited<ReturnType<typeof startTestApp>>;

/** What a client does wrong, with the code and the part of the detail by which it is told. */
export interface Refusal {
  what: string;
  request: () => Promise<Response>;
  status: number;
  code: string;
  detail?: Record<string, unknown>;
  headers?: Record<string, string>;
}

/** One test each: it is told in the specification's shape, and facts and files are as they were. */
export function testRefusals(server: () => TestApp, refusals: readonly Refusal[]): void {
  describe.each(refusals)('$what', ({ request, status, code, detail = {}, headers = {} }) => {
    test(`is ${status} ${code} and leaves nothing`, async () => {
      const { app, data } = server();
      const before = await countFacts(app, data);
      const answer = await request();
      const requestId = answer.headers.get('x-request-id')!;
      const error = await errorOf(answer);
      expect(error).toMatchObject({ code, detail: { ...detail, requestId } });
      expect(error.message).toBeString();
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/json');
      for (const [name, value] of Object.entries(headers))
        expect([name, answer.headers.get(name)]).toEqual([name, value]);
      expect(await countFacts(app, data)).toEqual(before);
    });
  });
}

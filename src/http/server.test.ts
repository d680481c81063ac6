import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { startTestApp, startTestProcess } from '../../test/support/server.ts';

test('answers probes, the base of the API, and an OCI error with the request id', async () => {
  await using server = await startTestApp();
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect((await fetch(`${server.url}/v2/`)).status).toBe(200);
  const missing = await fetch(`${server.url}/v2/a/manifests/latest`);
  expect(missing.status).toBe(404);
  const { errors } = (await missing.json()) as { errors: { code: string; detail: { requestId: string } }[] };
  expect(errors[0]!.code).toBe('NAME_UNKNOWN');
  expect(errors[0]!.detail.requestId).toBe(missing.headers.get('x-request-id')!);
});

test('SIGTERM ends the process with code 0', async () => {
  await using server = await startTestProcess();
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  expect(await server.end()).toBe(0);
});

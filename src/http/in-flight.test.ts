import { expect, test } from 'bun:test';
import { fetch } from '../../test/http/fetch.ts';
import { errorOf, pushBlob, randomBytes } from '../../test/http/registry.ts';
import { startTestApp } from '../../test/support/server.ts';
import { createInFlight } from './in-flight.ts';

/** A body that ends when it is told to. */
function openBody() {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(randomBytes(200_000));
      await ended;
      controller.close();
    },
  });
  return { body, end };
}

test('requests and bodies are counted apart, and who leaves makes room', () => {
  const inFlight = createInFlight({ requests: 3, bodies: 1 });
  inFlight.enter('PUT');
  expect(() => inFlight.enter('POST')).toThrow('as many uploads at once');
  inFlight.enter('GET');
  inFlight.enter('HEAD');
  expect(() => inFlight.enter('GET')).toThrow('as many requests at once');
  inFlight.leave('PUT');
  inFlight.enter('PATCH');
  expect(() => inFlight.enter('GET')).toThrow();
});

test('more uploads at once than are taken on are refused for a while; reads and probes are not', async () => {
  await using server = await startTestApp({ settings: { 'limits.bodies': 10 } });
  const known = await pushBlob(server.url, 'app', 'known');
  const uploads = Array.from({ length: 10 }, () => openBody());
  const open = `${server.url}/v2/app/blobs/uploads/`;
  const answers = uploads.map(({ body }) => fetch(`${open}?digest=${known}`, { method: 'POST', body }));
  // What the clients have sent, the server may not have seen yet.
  let refused = await fetch(open, { method: 'POST' });
  for (const until = Date.now() + 45_000; refused.status !== 503 && Date.now() < until; await Bun.sleep(10)) {
    refused = await fetch(open, { method: 'POST' });
  }
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('5');
  expect((await errorOf(refused)).code).toBe('UNAVAILABLE');
  // A client that sends much all the same hears why.
  const large = await fetch(`${open}?digest=${known}`, { method: 'POST', body: randomBytes(3_000_000) });
  expect(large.status).toBe(503);
  expect((await fetch(`${server.url}/v2/app/blobs/${known}`)).status).toBe(200);
  expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  for (const { end } of uploads) end();
  // Their content is not what they said; but they were taken.
  for (const answer of await Promise.all(answers)) expect((await errorOf(answer)).code).toBe('DIGEST_INVALID');
  await pushBlob(server.url, 'app', 'there is room again');
});

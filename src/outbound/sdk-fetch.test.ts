import { expect, test } from 'bun:test';
import { createSdkFetch } from './sdk-fetch.ts';

test('however many read at once, a bounded number is at the server, and whoever does something else goes past them', async () => {
  let open = 0;
  let most = 0;
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      if (request.url.endsWith('/other')) return new Response('other');
      most = Math.max(most, ++open);
      await goOn;
      open--;
      return new Response(request.headers.get('range'));
    },
  });
  const url = server.url.href;
  const wire = createSdkFetch(60_000);
  const reads = Array.from({ length: 400 }, (_, at) => wire.read({ url, headers: {} }, { range: `bytes=${at}-` }));
  for (const until = Date.now() + 45_000; open < 64 && Date.now() < until;) await Bun.sleep(5);
  await Bun.sleep(50);
  expect(open).toBe(64);
  const { hostname, port } = server.url;
  const handler = wire.handler as { handle(request: object): Promise<{ response: { statusCode: number } }> };
  const other = await handler.handle({ method: 'GET', protocol: 'http:', hostname, port, path: '/other', headers: {} });
  expect(other.response.statusCode).toBe(200);
  resolve();
  const answers = await Promise.all(reads);
  expect(answers.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(reads.map((_, at) => `bytes=${at}-`));
  expect(most).toBe(64);
});

test('an answer that stops in its middle is given up', async () => {
  await using server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    idleTimeout: 0,
    fetch: () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) })),
  });
  const wire = createSdkFetch(300);
  const read = wire.read({ url: server.url.href, headers: {} }, {});
  expect(await read.catch(({ code }: { code?: string }) => code)).toBe('ETIMEDOUT');
});

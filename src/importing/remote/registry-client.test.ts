import { createServer, type Socket } from 'node:net';
import { expect, test } from 'bun:test';
import { createOutbound } from '../../outbound/index.ts';
import { startOtherRegistry } from '../import-rig.double.ts';
import { openBlob } from './blob-body.ts';
import { createRegistryClient, type RegistryClientOptions } from './registry-client.ts';

const digest = `sha256:${'0'.repeat(64)}` as const;

function clientOf(origin: string, options: Partial<RegistryClientOptions> = {}) {
  return createRegistryClient({
    outbound: createOutbound({ allow: ['127.0.0.1'] }),
    origin,
    repository: 'app',
    credentials: async () => undefined,
    signal: new AbortController().signal,
    ...options,
  });
}
/** A server that is spoken by hand, one request a connection. */
async function listenRaw(answer: (socket: Socket, request: string) => void) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => answer(socket, bytes.toString()));
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: async () => void server.close() };
}

const manifest = { accept: '*/*', maxBytes: 1000 };

test('a token server that has none for a moment is asked again, when it says', async () => {
  let times = 0;
  const asked: number[] = [];
  await using registry = startOtherRegistry(({ url, headers }, path) => {
    if (path === '/token') {
      asked.push(performance.now());
      const status = [503, 429][times++];
      if (status !== undefined) return new Response('', { status, headers: { 'Retry-After': '2' } });
      return Response.json({ token: 'good' });
    }
    if (headers.get('authorization') === 'Bearer good') return new Response('there');
    const realm = `Bearer realm="${new URL(url).origin}/token"`;
    return new Response('', { status: 401, headers: { 'WWW-Authenticate': realm } });
  });
  const { status, bytes } = await clientOf(registry.uri).read('manifests/v1', manifest);
  expect([status, new TextDecoder().decode(bytes)]).toEqual([200, 'there']);
  expect(asked.slice(1).map((at, before) => at - asked[before]! > 1900)).toEqual([true, true]);
});

test('a token server that never has one is given up, and named', async () => {
  await using registry = startOtherRegistry(({ url }, path) => {
    if (path === '/token') return new Response('', { status: 500 });
    const realm = `Bearer realm="${new URL(url).origin}/token"`;
    return new Response('', { status: 401, headers: { 'WWW-Authenticate': realm } });
  });
  const { host } = new URL(registry.uri);
  await expect(clientOf(registry.uri).read('manifests/v1', manifest)).rejects.toThrow(
    `${host}, which gives out its tokens, answered with 500, again and again; try later`,
  );
  expect(registry.asked.filter((path) => path.endsWith('/token?scope=repository%3Aapp%3Apull'))).toHaveLength(5);
}, 30_000);

test('a name that has no address for a moment is looked up again', async () => {
  await using registry = startOtherRegistry(() => new Response('there'));
  let times = 0;
  const outbound = createOutbound({
    allow: ['registry.test'],
    async resolve() {
      if (++times === 1) throw Object.assign(new Error('try again'), { code: 'EAI_AGAIN' });
      return ['127.0.0.1'];
    },
  });
  const origin = `http://registry.test:${new URL(registry.uri).port}`;
  expect(await clientOf(origin, { outbound }).read('manifests/v1', manifest)).toMatchObject({ status: 200 });
});

test('a blob that broke off goes on from there, also where its bytes lie elsewhere', async () => {
  const asked: string[] = [];
  // As Docker Hub and most others have it: the registry sends clients to a bucket, which breaks off.
  await using bucket = await listenRaw((socket, request) => {
    asked.push(request);
    if (/^range: bytes=4-\r$/im.test(request)) {
      socket.end('HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 4-7/8\r\nContent-Length: 4\r\n\r\nelse');
    } else socket.end('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsome');
  });
  await using registry = startOtherRegistry(({ url, headers }) => {
    if (headers.has('authorization')) return Response.redirect(`${bucket.url}/object`, 307);
    if (url.endsWith('/token?scope=repository%3Aapp%3Apull')) return Response.json({ token: 'good' });
    const realm = `Bearer realm="${new URL(url).origin}/token"`;
    return new Response('', { status: 401, headers: { 'WWW-Authenticate': realm } });
  });
  const body = await openBlob(clientOf(registry.uri), { digest, size: 8 }, () => {});
  expect(await new Response(body!.stream).text()).toBe('someelse');
  expect(asked).toHaveLength(2);
  expect(asked.join()).not.toMatch(/authorization/i);
}, 30_000);

test('a blob that is there to the last byte is whole, however its connection ends', async () => {
  let connections = 0;
  // Chunked, and never ended.
  await using server = await listenRaw((socket) => {
    connections++;
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbytes\r\n');
  });
  const body = await openBlob(clientOf(server.url), { digest, size: 5 }, () => {});
  expect(await new Response(body!.stream).text()).toBe('bytes');
  expect(connections).toBe(1);
}, 30_000);

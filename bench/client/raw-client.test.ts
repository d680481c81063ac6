import { expect, test } from 'bun:test';
import { headerOf } from './answer.ts';
import { local, openRaw } from './raw-client.ts';

test('requests follow each other on one connection; bodies of any framing arrive whole', async () => {
  const sockets = new Set<number>();
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request, self) {
      sockets.add(self.requestIP(request)!.port);
      const body = await request.bytes();
      return new Response(new Blob([body]), {
        status: 201,
        headers: { 'X-Was': `${request.method} ${request.headers.get('transfer-encoding') ?? 'counted'}` },
      });
    },
  });
  const connection = await openRaw(local(server.port!));
  const zeros = new Uint8Array(100_000);
  const body = Array.from({ length: 30 }, () => zeros);
  for (const chunked of [false, true]) {
    const answer = await connection.send({ method: 'PUT', path: '/a', body, chunked });
    expect(answer).toMatchObject({ status: 201, length: 3_000_000 });
    expect(headerOf(answer, 'x-was')).toBe(`PUT ${chunked ? 'chunked' : 'counted'}`);
  }
  const kept = await connection.send({ method: 'POST', path: '/a', body: [Buffer.from('hi')], keep: true });
  expect(kept.body.toString()).toBe('hi');
  expect(sockets.size).toBe(1);
  connection.close();
});

test('a connection that ends in an answer is an error, and closed', async () => {
  using server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi') },
  });
  const connection = await openRaw(local(server.port));
  await expect(connection.send({ method: 'GET', path: '/' })).rejects.toThrow('closed the connection');
  expect(connection.closed).toBe(true);
  await expect(connection.send({ method: 'GET', path: '/' })).rejects.toThrow('closed the connection');
});

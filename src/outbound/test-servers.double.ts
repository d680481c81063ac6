import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import { makeDevelopmentCertificate } from '../cli/development-certificate.ts';

/** Answers every connection, once it has said something, in its own way. */
export async function openRawServer(answer: (socket: Socket, request: string) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', (data: Buffer) => answer(socket, data.toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    url: `http://localhost:${port}/`,
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server whose certificate names `hosts`, and the file of the authority that signed it. */
export async function openTlsServer(
  hosts: readonly string[],
  answer: (request: Request) => Response | Promise<Response>,
) {
  const directory = await mkdtemp(join(tmpdir(), 'bonded-outbound-'));
  const made = await makeDevelopmentCertificate(directory, hosts, 2);
  const [cert, key] = await Promise.all([readFile(made.certificate, 'utf8'), readFile(made.key, 'utf8')]);
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, tls: { cert, key }, fetch: answer });
  return {
    port: server.port!,
    authority: made.authority,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

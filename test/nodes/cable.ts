import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A cable to a server. Pulled, its connections end and new ones are cut at once. */
export interface Cable extends Disposable {
  readonly url: string;
  pull(): void;
  plug(): void;
}

export async function startCable(target: string): Promise<Cable> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let plugged = true;
  const listener = createServer((client) => {
    client.on('error', () => {});
    if (!plugged) return void client.destroy();
    const server = connect(Number(port), hostname);
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
    for (const socket of [client, server]) {
      open.add(socket);
      socket.once('close', () => {
        open.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    pull() {
      plugged = false;
      for (const socket of open) socket.destroy();
    },
    plug: () => void (plugged = true),
    [Symbol.dispose]() {
      for (const socket of open) socket.destroy();
      listener.close();
    },
  };
}

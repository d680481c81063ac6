import type { Socket } from 'bun';

export interface RawAnswer {
  status: number;
  /** Path and query of the Location header. */
  location: string;
}

export interface RawConnection {
  /** Sends one request on the connection that is kept open, and waits for its answer. */
  send(method: string, path: string, body?: Uint8Array, type?: string): Promise<RawAnswer>;
  close(): void;
}

const head = /^HTTP\/1\.1 (\d{3})[^]*?\r\n\r\n/;

/**
 * HTTP/1.1 over a bare socket, only as much of it as answers to a push need: `fetch` would cost more than a server that
 * is to be measured. The same bytes go to every peer.
 */
export async function openRaw(port: number): Promise<RawConnection> {
  let received = '';
  let waiting: PromiseWithResolvers<RawAnswer> | undefined;
  let unsent: Uint8Array | undefined;

  const flush = (socket: Socket) => {
    if (!unsent) return;
    const sent = socket.write(unsent);
    unsent = sent < unsent.byteLength ? unsent.subarray(sent) : undefined;
  };
  const fail = (error: Error) => waiting?.reject(error);
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_, data) {
        received += data.toString('latin1');
        const match = head.exec(received);
        if (!match || !waiting) return;
        const length = Number(/\r\ncontent-length: *(\d+)/i.exec(match[0])?.[1] ?? 0);
        if (received.length < match[0].length + length) return;
        received = received.slice(match[0].length + length);
        const location = /\r\nlocation: *(?:https?:\/\/[^/]+)?([^\r]*)/i.exec(match[0])?.[1] ?? '';
        const answered = waiting;
        waiting = undefined;
        answered.resolve({ status: Number(match[1]), location });
      },
      drain: flush,
      error: (_, error) => fail(error),
      close: () => fail(new Error('the server closed the connection')),
    },
  });
  return {
    send(method, path, body, type = 'application/octet-stream') {
      const length = body?.byteLength ?? 0;
      const lines = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${length}\r\n`;
      const text = Buffer.from(`${lines}${body ? `Content-Type: ${type}\r\n` : ''}\r\n`, 'latin1');
      waiting = Promise.withResolvers<RawAnswer>();
      unsent = body ? Buffer.concat([text, body]) : text;
      flush(socket);
      return waiting.promise;
    },
    close: () => void socket.end(),
  };
}

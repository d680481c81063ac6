import { credentialsFor } from '../support/credentials.ts';
import { openRaw, type RawConnection, requestText } from './raw.ts';

export interface ConnectionAnswer {
  status: number;
  headers: Headers;
  /** Byte for byte (latin1). */
  body: string;
}

/** A connection that is kept open, and so leads to one process of a server. */
export interface WorkerConnection extends Disposable {
  /** What its process begins every request id with. */
  readonly worker: string;
  send(
    method: string,
    target: string,
    options?: { headers?: Record<string, string>; body?: string | Uint8Array },
  ): Promise<ConnectionAnswer>;
  /** For what `send` is too whole for. */
  readonly raw: RawConnection;
}

const withinMs = 30_000;

async function openConnection(port: number): Promise<WorkerConnection> {
  const raw = await openRaw(port);
  let read = 0;
  const send: WorkerConnection['send'] = async (method, target, { headers = {}, body = '' } = {}) => {
    const bytes = Buffer.from(body);
    const { authorization: Authorization } = credentialsFor(`http://127.0.0.1:${port}`);
    const common = { Host: 'localhost', Authorization, 'Content-Length': `${bytes.length}` };
    const lines = Object.entries({ ...common, ...headers });
    raw.socket.write(
      requestText(
        method,
        target,
        lines.map(([name, value]) => `${name}: ${value}`),
      ),
    );
    raw.socket.write(bytes);
    let end = -1;
    let length = 0;
    let head: string[] = [];
    await raw.until((text) => {
      end = text.indexOf('\r\n\r\n', read);
      if (end < 0) return false;
      head = text.slice(read, end).split('\r\n');
      const promised = head.find((line) => /^content-length:/i.test(line))?.split(':')[1] ?? '0';
      length = method === 'HEAD' ? 0 : Number(promised);
      return text.length >= end + 4 + length;
    }, withinMs);
    if (end < 0 || raw.text().length < end + 4 + length) throw new Error(`${method} ${target} was not answered`);
    const pairs = head.slice(1).map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    read = end + 4 + length;
    return {
      status: Number(head[0]!.split(' ')[1]),
      headers: new Headers(pairs),
      body: raw.text().slice(end + 4, read),
    };
  };
  const { headers } = await send('GET', '/healthz');
  return {
    worker: headers.get('x-request-id')!.split('-')[0]!,
    send,
    raw,
    [Symbol.dispose]: () => raw[Symbol.dispose](),
  };
}

/**
 * A connection to each of so many processes; waits until they serve. Which of them gets a connection is the system's
 * choice, so many are tried.
 */
export async function connectToWorkers(port: number, count: number): Promise<WorkerConnection[]> {
  const found = new Map<string, WorkerConnection>();
  for (const late = performance.now() + withinMs; found.size < count && performance.now() < late;) {
    const connection = await openConnection(port).catch(() => undefined);
    if (!connection) await Bun.sleep(10);
    else if (found.has(connection.worker)) connection[Symbol.dispose]();
    else found.set(connection.worker, connection);
  }
  if (found.size < count) throw new Error(`only ${found.size} of ${count} processes answer`);
  return [...found.values()];
}

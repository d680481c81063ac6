import { connect, type Socket } from 'node:net';
import { credentialsFor } from '../support/credentials.ts';

export interface RawAnswer {
  /** Everything that came back, byte for byte (latin1). */
  text: string;
  /** The status of the first answer; 0 where none came. */
  status: number;
  headers: Headers;
  body: string;
  /** Whether the server ended the connection. */
  closed: boolean;
}

/** A connection on which a test writes what no client would. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  text(): string;
  closed(): boolean;
  /** Resolves once `found` holds of what came back, or the server ended the connection. */
  until(found: (text: string) => boolean, withinMs?: number): Promise<string>;
}

export async function openRaw(port: number, host = '127.0.0.1'): Promise<RawConnection> {
  const socket = connect(port, host);
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.on('end', () => (closed = true));
  socket.on('close', () => (closed = true));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    text: () => text,
    closed: () => closed,
    async until(found, withinMs = 10_000) {
      const late = performance.now() + withinMs;
      while (!found(text) && !closed && performance.now() < late) await Bun.sleep(5);
      return text;
    },
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** Sends bytes (latin1), and waits for a whole answer and a moment longer, to see whether the server hangs up. */
export async function sendRaw(port: number, request: string, host = '127.0.0.1'): Promise<RawAnswer> {
  using connection = await openRaw(port, host);
  connection.socket.write(Buffer.from(request, 'latin1'));
  await connection.until(isWhole);
  const since = performance.now();
  while (!connection.closed() && performance.now() - since < 20) await Bun.sleep(5);
  return { ...parse(connection.text()), closed: connection.closed() };
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const { status, headers, body } = parse(text);
  if (status === 100) return false;
  const length = Number(headers.get('content-length') ?? 0);
  return body.length >= length;
}

function parse(text: string): Omit<RawAnswer, 'closed'> {
  const start = text.startsWith('HTTP/1.1 100') ? text.indexOf('\r\n\r\n') + 4 : 0;
  const end = text.indexOf('\r\n\r\n', start);
  const [first = '', ...lines] = text.slice(start, end === -1 ? undefined : end).split('\r\n');
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { text, status: Number(first.split(' ')[1] ?? 0), headers, body: end === -1 ? '' : text.slice(end + 4) };
}

/** A request without a body. `target` is sent as it is. */
export function requestText(method: string, target: string, headers: string[] = ['Host: localhost']): string {
  return `${method} ${target} HTTP/1.1\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** The first request of a text, as the operator of the server at this URL. */
export function asOperator(url: string, text: string): string {
  const end = text.indexOf('\r\n\r\n');
  return `${text.slice(0, end)}\r\nAuthorization: ${credentialsFor(url).authorization}${text.slice(end)}`;
}

export const portOf = (url: string): number => Number(new URL(url).port);

import { connect, type Socket } from 'node:net';

export interface RawResponse {
  status: number;
  /** The value of a header; undefined where it is missing, an error where it comes twice. */
  header(name: string): string | undefined;
  body: Buffer;
}

export interface Connection extends AsyncDisposable {
  /** Sends bytes as they are and reads one response. */
  exchange(head: string, ...body: (string | Uint8Array)[]): Promise<RawResponse>;
  /** As `exchange`, but hangs up after so many bytes of the body. */
  exchangePartly(head: string, bytes: number): Promise<RawResponse>;
  /** Sends bytes and waits for nothing. */
  send(...parts: (string | Uint8Array)[]): void;
  /** Sends bytes and reads whatever comes until the other side closes. */
  sendUntilClosed(bytes: Uint8Array): Promise<Buffer>;
}

const silenceMs = 30_000;

/**
 * Writes the head of a request: one header a line, as Go's net/http sends them. Indentation is taken away, lines end
 * as HTTP wants.
 */
export function head(text: string): string {
  return `${text.trim().replaceAll(/\s*\n\s*/g, '\r\n')}\r\n\r\n`;
}

/** Cuts a body into the chunks of `Transfer-Encoding: chunked`. */
export function chunked(body: Uint8Array, size = 32_768): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Opens a TCP connection to `host:port` and speaks HTTP/1.1 on it by hand. */
export async function openConnection(host: string): Promise<Connection> {
  const { hostname, port } = new URL(`http://${host}`);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  socket.setTimeout(silenceMs, () => socket.destroy(new Error(`no byte for ${silenceMs / 1000} s`)));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const reader = createReader(socket);
  const send = (...parts: (string | Uint8Array)[]) => {
    for (const part of parts) socket.write(part);
  };
  return {
    send,
    async exchange(text, ...body) {
      send(text, ...body);
      return reader.response(text.startsWith('HEAD '), undefined);
    },
    async exchangePartly(text, bytes) {
      send(text);
      const response = await reader.response(false, bytes);
      socket.destroy();
      return response;
    },
    async sendUntilClosed(bytes) {
      send(bytes);
      return reader.rest();
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
    },
  };
}

function createReader(socket: Socket) {
  const incoming = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let buffered = Buffer.alloc(0);

  async function more(): Promise<boolean> {
    const { done, value } = await incoming.next();
    if (done) return false;
    buffered = Buffer.concat([buffered, value]);
    return true;
  }

  async function take(bytes: number): Promise<Buffer> {
    while (buffered.length < bytes)
      if (!(await more())) throw new Error('the connection was closed in the middle of a response');
    const taken = buffered.subarray(0, bytes);
    buffered = buffered.subarray(bytes);
    return taken;
  }

  async function takeTo(mark: string): Promise<string> {
    for (;;) {
      const at = buffered.indexOf(mark);
      if (at >= 0) return (await take(at + mark.length)).toString('latin1');
      if (!(await more())) throw new Error('the connection was closed before a response');
    }
  }

  async function response(toHead: boolean, limit: number | undefined): Promise<RawResponse> {
    const [statusLine = '', ...lines] = (await takeTo('\r\n\r\n')).trimEnd().split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]);
    if (status === 100) return response(toHead, limit);
    const header = (name: string) => {
      const prefix = `${name.toLowerCase()}:`;
      const found = lines.filter((line) => line.toLowerCase().startsWith(prefix));
      if (found.length > 1) throw new Error(`${name} comes ${found.length} times`);
      return found[0]?.slice(prefix.length).trim();
    };
    const length = header('Content-Length');
    if (header('Transfer-Encoding') !== undefined)
      throw new Error('the response is chunked, so a client cannot know its size');
    const empty = toHead || status === 204 || status === 304;
    if (!empty && length === undefined) throw new Error('the response has no Content-Length');
    const body = empty ? Buffer.alloc(0) : await take(Math.min(Number(length), limit ?? Infinity));
    return { status, header, body };
  }

  async function rest(): Promise<Buffer> {
    while (await more());
    return buffered;
  }

  return { response, rest };
}

import type { Socket } from 'bun';
import { authorizationLine } from './authorization.ts';

/** What is asked for, and how often. */
export interface Stream {
  path: string;
  perSecond: number;
  /** Milliseconds from when each request was due until its answer was whole. */
  times: number[];
}

interface Connection {
  socket: Socket;
  /** Bytes of the answer that are still to come; undefined while its head is. */
  left: number | undefined;
  head: string;
  done: ((error?: Error) => void) | undefined;
}

/** Beyond these, requests wait; that counts as theirs. */
const mostConnections = 128;

/**
 * Sends GETs at a fixed rate, whatever the answers take: those that come due while a server stands still are late, too.
 * A client that waits for one answer before it asks again would not notice.
 */
export async function requestSteadily(port: number, streams: readonly Stream[], seconds: number): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const idle: Connection[] = [];
  let opened = 0;
  const waiting: (() => void)[] = [];

  async function take(): Promise<Connection> {
    // The one that rested longest: all of them, and so all processes of a server, are used in turn.
    const rested = idle.shift();
    if (rested) return rested;
    if (opened < mostConnections) {
      opened++;
      return open(port);
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
    return take();
  }

  async function get(stream: Stream, due: number): Promise<void> {
    const connection = await take();
    await new Promise<void>((resolve, reject) => {
      connection.done = (error) => (error ? reject(error) : resolve());
      connection.socket.write(
        `GET ${stream.path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${authorizationLine(url)}\r\n`,
      );
    });
    stream.times.push(performance.now() - due);
    idle.push(connection);
    waiting.shift()?.();
  }

  const began = performance.now();
  const sent = streams.map(() => 0);
  const answers: Promise<void>[] = [];
  for (let now = began; now < began + seconds * 1000; now = performance.now()) {
    for (const [at, stream] of streams.entries()) {
      for (; (sent[at]! * 1000) / stream.perSecond <= now - began; sent[at]!++)
        answers.push(get(stream, began + (sent[at]! * 1000) / stream.perSecond));
    }
    await Bun.sleep(1);
  }
  try {
    await Promise.all(answers);
  } finally {
    for (const { socket } of idle) socket.end();
  }
}

async function open(port: number): Promise<Connection> {
  const connection: Omit<Connection, 'socket'> = { left: undefined, head: '', done: undefined };
  const ended = (error?: Error) => {
    const { done } = connection;
    connection.done = undefined;
    connection.left = undefined;
    connection.head = '';
    done?.(error);
  };
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      data(_, data) {
        let body = data.byteLength;
        if (connection.left === undefined) {
          connection.head += data.toString('latin1');
          const end = connection.head.indexOf('\r\n\r\n');
          if (end < 0) return;
          const head = connection.head.slice(0, end);
          if (!head.startsWith('HTTP/1.1 200 ')) return ended(new Error(`answered with ${head.slice(0, 80)}`));
          body = connection.head.length - end - 4;
          connection.left = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
        }
        connection.left -= body;
        if (connection.left <= 0) ended();
      },
      error: (_, error) => ended(error),
      close: () => ended(new Error('the server closed the connection')),
    },
  });
  return Object.assign(connection, { socket });
}

/** The time that 99 of 100 requests do not pass. */
export function p99({ times }: Stream): number {
  return times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1] ?? Number.NaN;
}

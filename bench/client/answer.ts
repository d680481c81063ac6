/** A whole answer. */
export interface Answer {
  status: number;
  /** Status line and headers as they came. */
  head: string;
  /** Bytes of the body. */
  length: number;
  /** The body; empty where it was only counted. */
  body: Buffer;
  /** `performance.now()` at its first byte. */
  firstByteAt: number;
}

/** Reads one answer of HTTP/1.1, bytes as they come. Throws on what is none. */
export interface AnswerReader {
  /** The answer as soon as it is whole. */
  read(data: Buffer): Answer | undefined;
  /** The connection ended: the answer, if that is how it tells its end. */
  end(): Answer | undefined;
}

const maxHead = 64 * 1024;
const nothing = Buffer.alloc(0);

/** `keep`: whether the body is wanted; a large blob is only counted. */
export function readAnswer(method: string, keep: boolean): AnswerReader {
  let pending: Buffer = nothing;
  let answer: Answer | undefined;
  let framing: Framing | undefined;
  const kept: Buffer[] = [];

  const take = (bytes: Buffer) => {
    answer!.length += bytes.byteLength;
    if (keep) kept.push(Buffer.from(bytes));
  };
  const whole = (): Answer => ({ ...answer!, body: keep ? Buffer.concat(kept) : nothing });

  return {
    read(data) {
      let rest = data;
      while (!framing) {
        answer ??= { status: 0, head: '', length: 0, body: nothing, firstByteAt: performance.now() };
        pending = pending.byteLength === 0 ? rest : Buffer.concat([pending, rest]);
        const end = pending.indexOf('\r\n\r\n');
        if (end < 0) {
          if (pending.byteLength > maxHead) throw new Error('the head of the answer has no end');
          // Its memory belongs to whoever called.
          pending = Buffer.from(pending);
          return undefined;
        }
        answer.head = pending.toString('latin1', 0, end + 2);
        rest = pending.subarray(end + 4);
        pending = nothing;
        answer.status = statusOf(answer.head);
        // 100 Continue and its like: the answer is still to come.
        if (answer.status >= 200) framing = framingOf(method, answer);
      }
      return framing.read(rest, take) ? whole() : undefined;
    },
    end: () => (framing?.endsWithConnection ? whole() : undefined),
  };
}

/** The value of a header; empty where there is none. */
export function headerOf({ head }: Answer, name: string): string {
  return new RegExp(`\\r\\n${name}:[ \\t]*([^\\r]*)`, 'i').exec(head)?.[1]?.trim() ?? '';
}

function statusOf(head: string): number {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  if (status === undefined) throw new Error(`this is no answer of HTTP: ${JSON.stringify(head.slice(0, 80))}`);
  return Number(status);
}

/** How the end of a body is found. */
interface Framing {
  /** Passes what belongs to the body to `take`; whether that was all. */
  read(data: Buffer, take: (bytes: Buffer) => void): boolean;
  endsWithConnection?: boolean;
}

function framingOf(method: string, answer: Answer): Framing {
  if (method === 'HEAD' || answer.status === 204 || answer.status === 304) return counted(0);
  if (/chunked$/i.test(headerOf(answer, 'transfer-encoding'))) return chunked();
  const length = headerOf(answer, 'content-length');
  if (/^\d+$/.test(length)) return counted(Number(length));
  return { read: (data, take) => (take(data), false), endsWithConnection: true };
}

function counted(length: number): Framing {
  let left = length;
  return {
    read(data, take) {
      const bytes = data.subarray(0, left);
      left -= bytes.byteLength;
      if (bytes.byteLength > 0) take(bytes);
      return left === 0;
    },
  };
}

function chunked(): Framing {
  /** Of the line before a chunk, or of a trailer. */
  let line = '';
  let left = 0;
  let inTrailer = false;
  return {
    read(data, take) {
      let at = 0;
      while (at < data.byteLength) {
        if (left > 0) {
          const bytes = data.subarray(at, at + left);
          left -= bytes.byteLength;
          at += bytes.byteLength;
          take(bytes);
          continue;
        }
        const newline = data.indexOf(10, at);
        line += data.toString('latin1', at, newline < 0 ? data.byteLength : newline);
        if (newline < 0) return false;
        at = newline + 1;
        const text = line.trim();
        line = '';
        if (inTrailer) {
          if (text === '') return true;
        } else if (text !== '') {
          // The empty line is the end of the chunk before.
          if (!/^[\da-f]+/i.test(text)) throw new Error('a chunk of the answer has no size');
          left = Number.parseInt(text, 16);
          inTrailer = left === 0;
        }
      }
      return false;
    },
  };
}

import { RegistryError } from '../errors/index.ts';

/** Small bodies are cheaper to swallow than a new connection is to open (bytes). */
const swallowed = 64 * 1024;

/**
 * Whether the connection must end with the answer. Bun swallows what was not read of a body, however long it is; a
 * client that was refused could send gigabytes into nothing.
 */
export function leavesBodyUnread(request: Request, refused: boolean): boolean {
  const { headers } = request;
  const length = headers.get('content-length');
  if (length === null ? !headers.has('transfer-encoding') : Number(length) <= swallowed) return false;
  return refused || !request.bodyUsed;
}

/** Bun lets equal Content-Lengths pass, joined by a comma; readers of bodies want a number (RFC 9112 §6.3). */
export function requireOneLength({ headers }: Request): void {
  if (headers.get('content-length')?.includes(',')) {
    throw new RegistryError('BAD_REQUEST', { message: 'the request has more than one Content-Length' });
  }
}

/** How much of a refused body is read all the same (bytes), and how long its connection is kept (ms). */
const lingerBytes = 16 * 1024 * 1024;
const lingerMs = 1000;

/** Most connections that are kept for that at once: each holds what Bun has read ahead. */
const mostLingering = 100;
let lingers = 0;

/** Takes one of them; returns what gives it back. An answer that nobody reads any more gives it back by itself. */
function takeLinger(): () => void {
  lingers++;
  let given = false;
  const giveBack = () => {
    if (!given) lingers--;
    given = true;
    clearTimeout(late);
  };
  const late = setTimeout(giveBack, 2 * lingerMs);
  late.unref();
  return giveBack;
}

/**
 * The same answer, whose end comes only when the body has, or a second later. To close with bytes unread resets the
 * connection, and most clients of a registry then see a broken pipe instead of the reason: Go's transport loses nine
 * of ten answers to a large body so. While the answer is open, Bun reads no more than we do.
 */
export async function lingering(answer: Response, request: Request): Promise<Response> {
  const { body } = request;
  if (!body || body.locked || lingers >= mostLingering) return answer;
  // Before anything is awaited: a thousand may be refused in one turn.
  const giveBack = takeLinger();
  const bytes = await answer.bytes();
  return new Response(answerThenWait(bytes, body, request.signal, giveBack), answer);
}

async function* answerThenWait(
  answer: Uint8Array,
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  giveBack: () => void,
) {
  try {
    yield answer;
    await readOrWait(body, signal);
  } finally {
    giveBack();
  }
}

async function readOrWait(body: ReadableStream<Uint8Array>, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(over.resolve, lingerMs);
  signal.addEventListener('abort', () => over.resolve(undefined), { once: true });
  const reader = body.getReader();
  try {
    let size = 0;
    while (size <= lingerBytes) {
      const read = await Promise.race([reader.read(), over.promise]);
      if (!read || read.done) return;
      size += read.value.byteLength;
    }
    await over.promise;
  } catch {
    // The client went away.
  } finally {
    clearTimeout(timer);
  }
}

/** Longest that a small body may take to arrive (ms). */
const arrivesWithinMs = 30_000;

/**
 * A small body, counted as it comes: what it declares is not believed. SIZE_INVALID (413) beyond `maxBytes`, BAD_REQUEST
 * (408) where it does not arrive.
 */
export async function readBytes(request: Request, maxBytes: number, withinMs = arrivesWithinMs): Promise<Uint8Array> {
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new RegistryError('BAD_REQUEST', { status: 408, message: 'the body arrived too slowly' })),
    withinMs,
  );
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) return Buffer.concat(chunks, size);
      size += value.byteLength;
      if (size > maxBytes) {
        const message = `the body is larger than ${maxBytes} bytes`;
        throw new RegistryError('SIZE_INVALID', { status: 413, message, detail: { maxBytes } });
      }
      chunks.push(value);
    }
  } catch (error) {
    if (error instanceof RegistryError) throw error;
    throw new RegistryError('BAD_REQUEST', { message: 'the body ended early; send the request again', cause: error });
  } finally {
    clearTimeout(timer);
    // Not cancelled: the edge decides what becomes of the connection.
    reader.releaseLock();
  }
}

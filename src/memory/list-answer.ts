import type { ByteBudget, ByteShare } from './byte-budget.ts';

/** What a list is answered with. */
export interface List {
  body: unknown;
  headers: Record<string, string>;
}

/** Beyond this (bytes), an answer goes out in pieces of as much. */
const pieceBytes = 64 * 1024;
/** A share goes back after this time (ms) at the latest, should nobody tell that the answer is gone. */
const longestMs = 900_000;

/**
 * Answers with a list, up to megabytes that are made for this client alone. What `make` takes of its share is counted
 * until it has gone out; UNAVAILABLE where all lists together would be more than there may be.
 */
export async function answerList(
  listMemory: ByteBudget,
  { method, request }: { method: string; request: Request },
  make: (share: ByteShare) => Promise<List>,
): Promise<Response> {
  using stack = new DisposableStack();
  const share = stack.use(listMemory.share());
  const { body, headers: own } = await make(share);
  const headers = { 'Content-Type': 'application/json', ...own };
  const text = JSON.stringify(body);
  if (method === 'HEAD' || text.length <= pieceBytes) return new Response(text, { headers });
  const counted = stack.move();
  const late = setTimeout(gone, longestMs);
  late.unref();
  function gone(): void {
    clearTimeout(late);
    counted.dispose();
  }
  request.signal.addEventListener('abort', gone, { once: true });
  if (request.signal.aborted) gone();
  return new Response(piecesOf(Buffer.from(text), gone), { headers });
}

/** Of an answer that is whole, Bun keeps a copy until the client has read it; of this, what the system does not take. */
async function* piecesOf(bytes: Uint8Array, gone: () => void): AsyncGenerator<Uint8Array> {
  try {
    for (let at = 0; at < bytes.byteLength; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  } finally {
    gone();
  }
}

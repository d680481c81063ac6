import type { SdkFetch, SignedRequest } from '../../outbound/index.ts';
import { S3Error } from './retry.ts';
import type { Signer } from './signer.ts';

/** How long a signature is used (ms); its time may be two minutes old then. S3 takes it for 15 minutes, by its own clock. */
const usedForMs = 300_000;

export interface FoundRange {
  /** Fewer than were asked for where the object ends before. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Of the whole object. */
  size: number;
}

/** Bytes `start` to `end` (inclusive) of one object. */
export interface Ranges {
  /** All of them at once; undefined when the object is missing. */
  read(start: number, end: number): Promise<FoundRange | undefined>;
  /** As they come; undefined when it does not work, for whatever reason: `read` tells. */
  open(start: number, end: number): Promise<ReadableStream<Uint8Array> | undefined>;
}

/**
 * Reads ranges of one object by one signature, as long as it has this ETag where one is given. What S3 refuses is asked for
 * in the client's way, once: it knows what an answer says, and learns from it.
 */
export function createRanges(
  { key, etag }: { key: string; etag?: string | undefined },
  askClient: (range: string) => Promise<{ Body?: unknown }>,
  signer: Signer,
  fetch: Pick<SdkFetch, 'read' | 'open'>,
  attempt: (call: () => Promise<FoundRange>) => Promise<FoundRange | undefined>,
): Ranges {
  let signed: SignedRequest | undefined;
  let until = 0;

  async function sign(): Promise<SignedRequest> {
    if (signed && performance.now() < until) return signed;
    until = performance.now() + usedForMs;
    return (signed = await signer.sign(key));
  }

  const headersOf = (range: string) => ({ range, ...(etag !== undefined && { 'if-match': etag }) });

  async function refused(range: string): Promise<void> {
    if (signed) signer.forget(signed);
    signed = undefined;
    const { Body } = await askClient(range);
    if (Body instanceof ReadableStream) await Body.cancel();
  }

  return {
    read: (start, end) =>
      attempt(async () => {
        const range = rangeOf(start, end);
        let answer = await fetch.read(await sign(), headersOf(range));
        if (!isGood(answer)) {
          await refused(range);
          answer = await fetch.read(await sign(), headersOf(range));
        }
        const { status, bytes, headers } = answer;
        if (!isGood(answer)) throw new S3Error('GetObject', 'unknown', { status });
        return { bytes, size: sizeOf(headers) ?? bytes.length };
      }),

    async open(start, end) {
      try {
        const answer = await fetch.open(await sign(), headersOf(rangeOf(start, end)));
        const size = sizeOf(answer.headers);
        if (answer.body && answer.status === 206 && size !== undefined && size > end) return answer.body;
        await answer.body?.cancel();
        return undefined;
      } catch {
        return undefined;
      }
    },
  };
}

const rangeOf = (start: number, end: number) => `bytes=${start}-${end}`;

const isGood = ({ status }: { status: number }) => status === 200 || status === 206;

/** By a Content-Range. */
function sizeOf(headers: Headers): number | undefined {
  const match = /\/([0-9]{1,15})$/.exec(headers.get('content-range') ?? '');
  return match ? Number(match[1]) : undefined;
}

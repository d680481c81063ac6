import type { UploadBody } from '../../content/index.ts';
import type { Descriptor } from '../../oci/index.ts';
import { OutboundError, type StreamedAnswer } from '../../outbound/index.ts';
import { importFailed } from '../failure.ts';
import { passes, type RegistryClient } from './registry-client.ts';

/** How often a body may break off without so many bytes between (RFC 9110 §14: the rest is asked for as a range). */
const mostBreaks = 5;
const progressBytes = 1024 * 1024;

interface Reader {
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  cancel(reason?: unknown): Promise<void>;
}

/**
 * The bytes of a blob, which go on where they broke off; undefined where the registry does not have it. `stallMs`: after how
 * long a connection on which nothing moves counts as broken (ms); left out where whoever takes the bytes in looks after that.
 */
export async function openBlob(
  client: RegistryClient,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  received: (bytes: number) => void,
  stallMs?: number,
): Promise<UploadBody | undefined> {
  const path = `blobs/${digest}`;
  const first = await client.open(path);
  if (first.status === 404) {
    await first.body.cancel();
    return undefined;
  }
  await requireWhole(first, digest, size, client.host);
  let reader: Reader | undefined = first.body.getReader();
  let offset = 0;
  /** Bytes that come again, from a registry without ranges. */
  let known = 0;
  let breaks = 0;
  let brokeAt = 0;

  async function reopen(): Promise<Reader> {
    const answer = await client.open(path, { range: `bytes=${offset}-` });
    known = 0;
    if (answer.status === 206) await requireRest(answer, offset, size, client.host);
    else {
      await requireWhole(answer, digest, size, client.host);
      known = offset;
    }
    return answer.body.getReader();
  }

  async function next(): Promise<Uint8Array | undefined> {
    for (;;) {
      reader ??= await reopen();
      const { done, value } = await (stallMs === undefined ? reader.read() : inTime(reader, stallMs, client.host));
      if (done || !value) return undefined;
      if (known >= value.byteLength) known -= value.byteLength;
      else {
        const fresh = value.subarray(known);
        known = 0;
        return fresh;
      }
    }
  }

  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          try {
            const chunk = await next();
            offset += chunk?.byteLength ?? 0;
            if (offset > size || (!chunk && offset < size)) throw wrongLength(client.host, digest, size, offset);
            if (!chunk) return controller.close();
            received(chunk.byteLength);
            return controller.enqueue(chunk);
          } catch (error) {
            await reader?.cancel().catch(() => {});
            reader = undefined;
            // Nothing of it is missing, however its connection ended.
            if (passes(error) && offset === size) return controller.close();
            if (offset - brokeAt >= progressBytes) breaks = 0;
            brokeAt = offset;
            if (!passes(error) || ++breaks > mostBreaks) throw error;
            await client.pause(breaks);
          }
        }
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, length: size };
}

async function inTime(reader: Reader, ms: number, host: string): ReturnType<Reader['read']> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new OutboundError('timed_out', `${host} sends too slowly`)), ms);
  return Promise.race([reader.read(), late.promise]).finally(() => clearTimeout(timer));
}

async function requireWhole(answer: StreamedAnswer, digest: string, size: number, host: string): Promise<void> {
  const length = answer.headers.get('content-length');
  if (answer.status === 200 && (length === null || Number(length) === size)) return;
  await answer.body.cancel();
  if (answer.status !== 200) throw importFailed(`${host} answered with ${answer.status} for the blob ${digest}`);
  throw importFailed(`${host} has ${length} bytes of the blob ${digest}, and its manifest says ${size}`);
}

function wrongLength(host: string, digest: string, size: number, offset: number): Error {
  const what = offset > size ? 'goes on behind' : `ends after ${offset} of`;
  return importFailed(`${host} ${what} the ${size} bytes of the blob ${digest}`);
}

/** What comes must be the rest, to the last byte. */
async function requireRest(answer: StreamedAnswer, offset: number, size: number, host: string): Promise<void> {
  if (answer.headers.get('content-range') === `bytes ${offset}-${size - 1}/${size}`) return;
  await answer.body.cancel();
  throw importFailed(`${host} answered with another range of a blob than it was asked for`);
}

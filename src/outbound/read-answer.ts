import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { OutboundError } from './outbound-error.ts';

const unpack: Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/** The headers of an answer. Cookies are not kept, so nobody sees them. Throws OutboundError `bad_answer`. */
export function headersOf(answer: IncomingMessage): Headers {
  const headers = new Headers();
  const { rawHeaders } = answer;
  try {
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) headers.append(rawHeaders[at]!, rawHeaders[at + 1]!);
  } catch (error) {
    throw new OutboundError('bad_answer', 'the answer has malformed headers', error);
  }
  headers.delete('set-cookie');
  return headers;
}

/**
 * The whole body, unpacked; at most `maxBytes`, packed and unpacked. Throws OutboundError `too_large` or `bad_answer`, and
 * whatever breaks the connection.
 */
export async function bodyOf(
  answer: IncomingMessage,
  headers: Headers,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (Number(headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  if (!answer.complete) throw new OutboundError('unreachable', 'the connection ended in the middle of the answer');
  const bytes = Buffer.concat(chunks);
  const encoding = headers.get('content-encoding')?.toLowerCase() ?? 'identity';
  if (encoding === 'identity' || bytes.length === 0) return new Uint8Array(bytes);
  return new Uint8Array(await unpacked(bytes, encoding, maxBytes));
}

/** We ask for none, and some pack all the same. */
async function unpacked(bytes: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  const how = Object.hasOwn(unpack, encoding) ? unpack[encoding] : undefined;
  if (!how) throw new OutboundError('bad_answer', 'the answer is packed in an unknown way');
  try {
    return await how(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new OutboundError('bad_answer', 'the answer cannot be unpacked', error);
  }
}

function tooLarge(maxBytes: number): OutboundError {
  return new OutboundError('too_large', `the answer is longer than ${maxBytes} bytes`);
}

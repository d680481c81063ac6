import { jsonShape, maxJsonDepth, maxJsonKeys } from '../oci/index.ts';
import { ManagementError } from '../operations/index.ts';

/** Most bytes of a body, and the longest it may take to arrive (ms). */
const largestBody = 1024 * 1024;
const longestMs = 30_000;
/** Most bodies that are read at once: 64 MiB in all. */
const mostAtOnce = 64;

const accepted = new Set(['application/json', 'application/merge-patch+json']);

/** Reads bodies of JSON, so many at once. */
export function createBodyReader(): (request: Request) => Promise<unknown> {
  let reading = 0;
  return async (request) => {
    requireMediaType(request.headers.get('content-type'));
    if (reading >= mostAtOnce) {
      throw new ManagementError('TooManyRequests', 'the server reads as many requests as it takes on; try again', {
        headers: { 'Retry-After': '1' },
      });
    }
    reading++;
    try {
      return parse(await readBytes(request));
    } finally {
      reading--;
    }
  };
}

/** Whether there is a body at all. */
export function hasBody({ headers }: Request): boolean {
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > 0;
}

function requireMediaType(header: string | null): void {
  const type = header?.split(';', 1)[0]!.trim().toLowerCase();
  if (type !== undefined && accepted.has(type)) return;
  throw new ManagementError(
    'UnsupportedMediaType',
    'the body must be JSON; send it with Content-Type: application/json',
  );
}

/** Counts as it comes: what the request declares is not believed. */
async function readBytes(request: Request): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null && Number(declared) > largestBody) throw tooLarge();
  const reader = request.body?.getReader();
  if (!reader) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  const late = Promise.withResolvers<never>();
  const slow = new ManagementError('RequestTimeout', 'the body arrived too slowly; send it again');
  const timer = setTimeout(() => late.reject(slow), longestMs);
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      size += value.byteLength;
      if (size > largestBody) throw tooLarge();
      chunks.push(value);
    }
  } catch (cause) {
    if (cause instanceof ManagementError) throw cause;
    throw new ManagementError('BadRequest', 'the body ended early; send it again', { cause });
  } finally {
    clearTimeout(timer);
    // Not cancelled: the edge decides what becomes of the connection.
    reader.releaseLock();
  }
  return Buffer.concat(chunks, size);
}

/** A key that is twice in an object would be one thing to us and another to whoever looked at it before. */
function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ManagementError('InvalidRequestContent', 'the body is not UTF-8', { cause });
  }
  const { depth, keys, repeatedKey } = jsonShape(text);
  if (depth > maxJsonDepth || keys > maxJsonKeys) {
    throw new ManagementError('InvalidRequestContent', 'the body is nested too deeply, or has too many keys');
  }
  if (repeatedKey !== undefined) {
    throw new ManagementError(
      'InvalidRequestContent',
      `the body has the key ${repeatedKey.slice(0, 64)} twice in an object`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ManagementError('InvalidRequestContent', 'the body is not valid JSON', { cause });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new ManagementError('InvalidRequestContent', 'the body must be a JSON object');
}

function tooLarge(): ManagementError {
  return new ManagementError('RequestContentTooLarge', `the body is larger than ${largestBody} bytes`);
}

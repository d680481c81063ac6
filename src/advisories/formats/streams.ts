import { createGunzip, createZstdDecompress } from 'node:zlib';
import { Readable } from 'node:stream';
import { importRefused } from '../import-error.ts';
import type { ByteSource } from './byte-source.ts';

const chunkBytes = 256 * 1024;
/** Windows of zstd up to 128 MiB, as `--ultra` makes them; more would be memory that a file asks for. */
const longestWindow = 27;

/** All bytes of a source in order. */
export async function* chunksOf(source: ByteSource, from = 0): AsyncGenerator<Uint8Array> {
  for (let at = from; at < source.size; at += chunkBytes)
    yield await source.read(at, Math.min(chunkBytes, source.size - at));
}

/**
 * What packed bytes hold, while they are read. Throws AdvisoryImportError where that is more than `most` bytes, or where they are
 * cut off or damaged.
 */
export async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  form: 'gzip' | 'zstd',
  most: number,
): AsyncGenerator<Uint8Array> {
  const { constants } = await import('node:zlib');
  const unpacker =
    form === 'gzip'
      ? createGunzip()
      : createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: longestWindow } });
  const input = Readable.from(packed, { objectMode: false });
  input.on('error', (error) => unpacker.destroy(error));
  let size = 0;
  try {
    for await (const chunk of input.pipe(unpacker) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > most) throw importRefused(`it unpacks to more than ${most} bytes`);
      yield chunk;
    }
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      typeof error.code === 'string' &&
      /^(?:Z_|ZSTD_|ERR_)/.test(error.code)
    )
      throw importRefused('it is packed, and damaged or cut off', error);
    throw error;
  } finally {
    input.destroy();
    unpacker.destroy();
  }
}

/** Lines of a text, without their ends. Throws AdvisoryImportError where one is longer than `longest` bytes. */
export async function* linesOf(stream: AsyncIterable<Uint8Array>, longest: number): AsyncGenerator<string> {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = chunk.subarray(from, end);
      if (keptBytes + line.length > longest) throw tooLong(longest);
      yield kept.length === 0 ? textOf(line) : Buffer.concat([...kept, line]).toString();
      kept = [];
      keptBytes = 0;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    keptBytes += chunk.length - from;
    if (keptBytes > longest) throw tooLong(longest);
    kept.push(chunk.slice(from));
  }
  if (keptBytes > 0) yield Buffer.concat(kept).toString();
}

/** All of a short stream. Throws AdvisoryImportError where it is longer. */
export async function wholeOf(stream: AsyncIterable<Uint8Array>, most: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > most) throw importRefused(`it has more than ${most} bytes`);
    chunks.push(chunk.slice());
  }
  return Buffer.concat(chunks);
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
const tooLong = (longest: number) => importRefused(`it holds a line of more than ${longest} bytes`);

import type { Transform } from 'node:stream';
import {
  type BrotliCompress,
  constants,
  createGunzip,
  createInflateRaw,
  createZstdDecompress,
  type Gunzip,
} from 'node:zlib';
import type { ByteSource } from './byte-source.ts';

/** Bytes that are unpacked before the next ones are asked for. */
const chunkSize = 256 * 1024;

/**
 * Members of gzip that are unpacked one by one, so that what is behind the last one does no harm. eStargz has one for each
 * file: they are left to zlib from then on, which loses the end of the last one where no member follows.
 */
const membersApart = 16;

/**
 * gzip (RFC 1952): any number of members; what is behind the last and is none counts for nothing. Checksums are not compared:
 * the bytes are those that their digest names. Throws where the compressed bytes are damaged or end too early.
 */
export async function* gunzip(bytes: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  for (let member = 0; member < membersApart; member++) {
    if (!(await passGzipHeader(bytes))) {
      if (member === 0) throw new Error('is no gzip');
      return;
    }
    yield* through(createInflateRaw({ chunkSize }), bytes);
    // CRC-32 and length.
    await bytes.skip(8);
  }
  if (await isGzip(bytes)) yield* through(createGunzip({ chunkSize }), bytes);
}

/** Zstandard (RFC 8878): any number of frames, also such as are to be skipped. Windows up to 128 MiB. */
export async function* unzstd(bytes: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  const params = { [constants.ZSTD_d_windowLogMax]: 27 };
  yield* through(createZstdDecompress({ chunkSize, params }), bytes);
}

type Decompressor = Transform & Pick<Gunzip | BrotliCompress, 'bytesWritten'>;

/** What becomes of the bytes; those behind the end of what is compressed are given back. */
async function* through(decompressor: Decompressor, bytes: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  let over = false;
  let sent = 0;
  const unread: Uint8Array[] = [];
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  decompressor.on('close', end).on('end', end).on('error', end);

  async function send(): Promise<void> {
    while (!over) {
      const piece = await bytes.piece();
      if (!piece) {
        decompressor.end();
        return;
      }
      sent += piece.length;
      unread.push(piece);
      // It may have ended inside of one that was sent before, and took the others without a word.
      const left = sent - decompressor.bytesWritten;
      while (bytesOf(unread) - unread[0]!.length >= left) unread.shift();
      await Promise.race([new Promise((taken) => decompressor.write(piece, taken)), ended]);
    }
  }

  const sending = send();
  // Its error is the decompressor's.
  sending.catch((error: unknown) => decompressor.destroy(error as Error));
  try {
    for await (const piece of decompressor) yield piece as Uint8Array;
  } finally {
    over = true;
    decompressor.destroy();
    end();
    await sending.catch(() => {});
  }
  const left = sent - decompressor.bytesWritten;
  if (left > 0) bytes.giveBack(Buffer.concat(unread).subarray(-left));
}

function bytesOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** Passes over the header of a member; false where there is none. */
async function passGzipHeader(bytes: ByteSource): Promise<boolean> {
  if (!(await isGzip(bytes))) return false;
  const flags = (await bytes.take(10))[3]!;
  if (flags & 0x04) {
    const [low = 0, high = 0] = await bytes.take(2);
    await bytes.skip(low + high * 256);
  }
  // A name and a comment, each with a NUL at its end.
  if (flags & 0x08) await passText(bytes);
  if (flags & 0x10) await passText(bytes);
  if (flags & 0x02) await bytes.skip(2);
  return true;
}

/** ID and method, which is deflate. */
async function isGzip(bytes: ByteSource): Promise<boolean> {
  const start = (await bytes.take(3)).slice();
  bytes.giveBack(start);
  return start[0] === 0x1f && start[1] === 0x8b && start[2] === 8;
}

async function passText(bytes: ByteSource): Promise<void> {
  for (;;) {
    const [byte] = await bytes.take(1);
    if (byte === undefined || byte === 0) return;
  }
}

import type { LayerLimits } from '../limits.ts';
import type { WarningCode } from '../warnings.ts';
import { blockBytes, parseHeader } from '../tar/header.ts';
import { byteSource, type ByteSource } from './byte-source.ts';
import { gunzip, unzstd } from './inflate.ts';

/** How each begins. What is none of them is taken as it is. */
const magics: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
];

const unpackers: Record<string, (bytes: ByteSource) => AsyncIterable<Uint8Array>> = {
  gzip: gunzip,
  zstd: unzstd,
  none: asItIs,
};

/**
 * The archive in a layer, unpacked once and never twice: gzip, zstd or nothing, told by how it begins, as media types are
 * what somebody has written. It ends early, with a warning, where it is damaged or beyond the limits.
 */
export async function* unpack(
  pieces: AsyncIterable<Uint8Array>,
  limits: Pick<LayerLimits, 'unpackedBytes' | 'ratio' | 'freeBytes'>,
  warn: (code: WarningCode, path?: string, detail?: string) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let packed = 0;
  let failure: unknown;
  async function* counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of pieces) {
        packed += piece.length;
        yield piece;
      }
    } catch (error) {
      failure = error;
      throw error;
    }
  }
  const bytes = byteSource(counted());
  const start = (await bytes.take(blockBytes)).slice();
  bytes.giveBack(start);
  // The first name of a plain archive may be anything.
  const compression = start.length === blockBytes && parseHeader(start) ? 'none' : compressionOf(start);
  const unpacker = unpackers[compression];
  if (!unpacker) {
    warn('unknown-compression', undefined, compression);
    return;
  }
  let unpacked = 0;
  try {
    for await (const piece of unpacker(bytes)) {
      unpacked += piece.length;
      if (unpacked > limits.unpackedBytes) {
        warn('too-many-bytes', undefined, `only the first ${limits.unpackedBytes} bytes were looked at`);
        return;
      }
      if (unpacked > limits.freeBytes + packed * limits.ratio) {
        warn('too-high-ratio', undefined, `${unpacked} bytes of the first ${packed}`);
        return;
      }
      yield piece;
    }
  } catch (error) {
    // What went wrong with the bytes as they came is no fault of theirs.
    if (failure !== undefined) throw failure;
    warn('damaged-compression', undefined, (error as Error).message);
  }
}

function compressionOf(start: Uint8Array): string {
  // Frames of zstd that are to be skipped have any of sixteen numbers.
  if (start[0]! >> 4 === 5 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18) return 'zstd';
  return magics.find(([, magic]) => magic.every((byte, at) => start[at] === byte))?.[0] ?? 'none';
}

async function* asItIs(bytes: ByteSource): AsyncGenerator<Uint8Array> {
  for (let piece = await bytes.piece(); piece; piece = await bytes.piece()) yield piece;
}

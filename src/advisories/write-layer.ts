import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import type { Database } from '../database/index.ts';
import { linesOfLayer } from './bundle.ts';
import type { FeedState } from './feed-rows.ts';
import type { OpenSource } from './formats/byte-source.ts';
import { spool } from './formats/spool.ts';

/** Always the same, since the bytes are to be. */
const level = 9;

export interface WrittenLayer {
  file: OpenSource;
  digest: `sha256:${string}`;
}

/** A layer of a bundle in a temporary file, which is the caller's to dispose of. */
export async function writeLayer(db: Database, feed: FeedState, maxBytes: number): Promise<WrittenLayer> {
  const hash = createHash('sha256');
  const packed = packLines(linesOfLayer(db, feed));
  const hashed = (async function* () {
    for await (const chunk of packed) {
      hash.update(chunk);
      yield chunk;
    }
  })();
  const file = await spool(hashed, maxBytes);
  return { file, digest: `sha256:${hash.digest('hex')}` };
}

/** Lines of JSON, packed. */
export function packLines(lines: AsyncIterable<string>): AsyncIterable<Uint8Array> {
  const text = (async function* () {
    for await (const line of lines) yield Buffer.from(`${line}\n`);
  })();
  const packer = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
  const input = Readable.from(text, { objectMode: false });
  input.on('error', (error) => packer.destroy(error));
  return input.pipe(packer);
}

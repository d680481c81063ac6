import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { constants, createZstdCompress } from 'node:zlib';
import type { Database } from '../database/index.ts';
import { type LayerHead, linesOfLayer } from './bundle.ts';
import type { FeedState } from './feed-rows.ts';
import type { OpenSource } from './formats/byte-source.ts';
import { ecosystemOf, readOsvDirectory } from './formats/osv-records.ts';
import { spool } from './formats/spool.ts';
import { importRefused } from './import-error.ts';

/** Always the same, since the bytes are to be. */
const level = 9;

export interface WrittenLayer {
  file: OpenSource;
  digest: `sha256:${string}`;
}

/** A layer of a bundle in a temporary file, which is the caller's to dispose of, and the licences of what is in it, in order. */
export async function writeLayer(
  db: Database,
  feed: FeedState,
  maxBytes: number,
): Promise<WrittenLayer & { licences: string[] }> {
  const licences = new Set<string>();
  const lines = linesOfLayer(db, feed, (licence) => licences.add(licence));
  return { ...(await writeLines(lines, maxBytes)), licences: [...licences].toSorted() };
}

/** A directory of OSV records, a file each, as a layer. Throws AdvisoryImportError where it is not clear of what it is. */
export async function writeDirectory(
  path: string,
  { ecosystem, maxBytes }: { ecosystem?: string | undefined; maxBytes: number },
): Promise<WrittenLayer & { feed: string }> {
  const found = ecosystem ?? (await ecosystemOf(readOsvDirectory(path)));
  if (found === undefined)
    throw importRefused(`it is not clear of which ecosystem ${path} is; say so with --ecosystem`);
  const feed = `osv/${found}`;
  const lines = async function* () {
    yield JSON.stringify({ feed, origin: path } satisfies LayerHead);
    let records = 0;
    for await (const item of readOsvDirectory(path)) {
      if ('refused' in item) throw importRefused(item.refused);
      if (!('json' in item)) continue;
      records++;
      yield JSON.stringify(item.json);
    }
    yield JSON.stringify({ records });
  };
  return { ...(await writeLines(lines(), maxBytes)), feed };
}

async function writeLines(lines: AsyncIterable<string>, maxBytes: number): Promise<WrittenLayer> {
  const hash = createHash('sha256');
  const packed = packLines(lines);
  const hashed = (async function* () {
    for await (const chunk of packed) {
      hash.update(chunk);
      yield chunk;
    }
  })();
  const file = await spool(hashed, maxBytes);
  return { file, digest: `sha256:${hash.digest('hex')}` };
}

/** What is packed at a time (bytes). */
const blockBytes = 64 * 1024;

/**
 * Lines of JSON, packed. Where a stream is cut, and whether its end comes with the last piece or behind it, changes what zstd makes
 * of it: so pieces are of one size, and the end comes once the last one is done, however fast the lines come.
 */
export async function* packLines(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const packer = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
  const done = (async () => {
    for await (const block of blocksOf(lines)) await write(packer, block);
    packer.end();
  })().catch((error: Error) => packer.destroy(error));
  yield* packer as AsyncIterable<Uint8Array>;
  await done;
}

async function* blocksOf(lines: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const line of lines) {
    const piece = Buffer.from(`${line}\n`);
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < blockBytes) continue;
    let rest = Buffer.concat(pieces);
    for (; rest.length >= blockBytes; rest = rest.subarray(blockBytes)) yield rest.subarray(0, blockBytes);
    pieces = [rest];
    bytes = rest.length;
  }
  if (bytes > 0) yield Buffer.concat(pieces);
}

const write = (packer: Writable, block: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => packer.write(block, (error) => (error ? reject(error) : resolve())));

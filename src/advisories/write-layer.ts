import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
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

/** Lines of JSON, packed. */
function packLines(lines: AsyncIterable<string>): AsyncIterable<Uint8Array> {
  const text = (async function* () {
    for await (const line of lines) yield Buffer.from(`${line}\n`);
  })();
  const packer = createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: level } });
  const input = Readable.from(text, { objectMode: false });
  input.on('error', (error) => packer.destroy(error));
  return input.pipe(packer);
}

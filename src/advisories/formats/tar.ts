import { importRefused } from '../import-error.ts';

const block = 512;
const mostEntries = 1000;

/**
 * The content of one file of a tar (POSIX ustar), by its name without folders, while it is read. Throws AdvisoryImportError where
 * it is not there.
 */
export async function* fileOfTar(stream: AsyncIterable<Uint8Array>, wanted: string): AsyncGenerator<Uint8Array> {
  const reader = readerOf(stream);
  for (let entries = 0; entries < mostEntries; entries++) {
    const head = await reader.take(block);
    if (!head || head.every((byte) => byte === 0)) break;
    const name = textOf(head.subarray(0, 100)).replace(/^.*\//, '');
    const size = sizeOf(head.subarray(124, 136));
    if (name === wanted) return yield* reader.pass(size);
    for await (const _ of reader.pass(size + ((block - (size % block)) % block)));
  }
  throw importRefused(`the archive does not hold ${wanted}`);
}

function sizeOf(field: Uint8Array): number {
  const text = textOf(field).trim();
  const size = /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (Number.isNaN(size)) throw importRefused('the archive is malformed');
  return size;
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
}

function readerOf(stream: AsyncIterable<Uint8Array>) {
  const chunks = stream[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();

  /** Bytes as they come, exactly so many. */
  async function* pass(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0;) {
      if (held.length === 0) {
        const { done, value } = await chunks.next();
        if (done) throw importRefused('the archive is cut off');
        held = value;
      }
      const part = held.subarray(0, left);
      held = held.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  return {
    pass,
    /** Undefined at the end. */
    async take(length: number): Promise<Uint8Array | undefined> {
      if (held.length === 0) {
        const { done, value } = await chunks.next();
        if (done) return undefined;
        held = value;
      }
      const parts: Uint8Array[] = [];
      for await (const part of pass(length)) parts.push(part.slice());
      return Buffer.concat(parts);
    },
  };
}

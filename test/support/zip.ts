import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** The files of a zip archive that is trusted, one by one: by its central directory (APPNOTE 4.3.12), stored or deflated. */
export function* filesOfZip(path: string): Generator<{ name: string; bytes: Uint8Array }> {
  const archive = readFileSync(path);
  const end = archive.lastIndexOf(Buffer.from('PK\u0005\u0006'));
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [method, size] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    const local = archive.readUInt32LE(at + 42);
    const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(from, from + size);
    yield {
      name: archive.toString('utf8', at + 46, at + 46 + name),
      bytes: method === 0 ? packed : inflateRawSync(packed),
    };
    at += 46 + name + extra + comment;
  }
}

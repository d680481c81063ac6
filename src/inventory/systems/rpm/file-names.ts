import { isLanguageFile } from '../../languages/index.ts';

/** Tags of a header (rpm, "RPM tags"): the files of a package, each a name and the number of its directory. */
const tags = { directoryNumbers: 1116, names: 1117, directories: 1118 };
/** Most files of one package; kernels and fonts have some 10,000. */
const maxFiles = 200_000;

interface Value {
  /** Where its values begin in the header. */
  from: number;
  count: number;
}

/** Those files of a package that say that a package of a language is there. The header is one that `packageOfHeader` has read. */
export function languageFilesOfHeader(header: Uint8Array): string[] {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const values = 8 + view.getUint32(0) * 16;
  const end = values + view.getUint32(4);
  const found = new Map<number, Value>();
  for (let at = 8; at < values; at += 16) {
    const from = values + view.getUint32(at + 8);
    if (from < end) found.set(view.getUint32(at), { from, count: Math.min(view.getUint32(at + 12), maxFiles) });
  }
  const names = found.get(tags.names);
  const numbers = found.get(tags.directoryNumbers);
  const directories = found.get(tags.directories);
  if (!names || !numbers || !directories || numbers.from + names.count * 4 > end) return [];
  const folders = textsAt(header, directories, end);
  return textsAt(header, names, end).flatMap((name, index) => {
    const folder = folders[view.getUint32(numbers.from + index * 4)];
    const path = `${folder ?? ''}${name}`.replace(/^\/+/, '');
    return folder !== undefined && isLanguageFile(path) ? [path] : [];
  });
}

/** An array of texts, each with a NUL behind it. */
function textsAt(bytes: Uint8Array, { from, count }: Value, end: number): string[] {
  const decoder = new TextDecoder();
  const texts: string[] = [];
  for (let at = from; texts.length < count && at < end;) {
    const stop = bytes.indexOf(0, at);
    if (stop < 0 || stop >= end) break;
    texts.push(decoder.decode(bytes.subarray(at, stop)));
    at = stop + 1;
  }
  return texts;
}

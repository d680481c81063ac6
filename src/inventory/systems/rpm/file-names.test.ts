import { expect, test } from 'bun:test';
import { languageFilesOfHeader } from './file-names.ts';

interface Tag {
  tag: number;
  type: number;
  values: string[] | number[];
  /** Lies. */
  count?: number;
  offset?: number;
}

function headerOf(tags: readonly Tag[]): Uint8Array {
  const values: Buffer[] = [];
  let length = 0;
  const index = tags.map(({ tag, type, values: all, count, offset }) => {
    const bytes = Buffer.concat(
      all.map((one) => {
        if (typeof one === 'string') return Buffer.from(`${one}\0`);
        const number = Buffer.alloc(4);
        number.writeUInt32BE(one);
        return number;
      }),
    );
    const entry = Buffer.alloc(16);
    for (const [at, value] of [tag, type, offset ?? length, count ?? all.length].entries())
      entry.writeUInt32BE(value, at * 4);
    values.push(bytes);
    length += bytes.length;
    return entry;
  });
  const head = Buffer.alloc(8);
  head.writeUInt32BE(tags.length, 0);
  head.writeUInt32BE(length, 4);
  return new Uint8Array(Buffer.concat([head, ...index, ...values]));
}

const names: Tag = { tag: 1117, type: 8, values: ['PKG-INFO', 'README', 'package.json'] };
const numbers: Tag = { tag: 1116, type: 4, values: [0, 1, 2] };
const directories: Tag = {
  tag: 1118,
  type: 8,
  values: [
    '/usr/lib/python3.9/site-packages/requests-2.25.1.egg-info/',
    '/usr/share/doc/',
    '/usr/lib/node_modules/npm/',
  ],
};

test('files of an rpm are its names in its directories', () => {
  expect(languageFilesOfHeader(headerOf([numbers, names, directories]))).toEqual([
    'usr/lib/python3.9/site-packages/requests-2.25.1.egg-info/PKG-INFO',
    'usr/lib/node_modules/npm/package.json',
  ]);
  expect(languageFilesOfHeader(headerOf([names]))).toEqual([]);
});

test('numbers that lie lead nowhere', () => {
  expect(languageFilesOfHeader(headerOf([{ ...numbers, values: [7, 8, 9] }, names, directories]))).toEqual([]);
  expect(languageFilesOfHeader(headerOf([numbers, { ...names, count: 0xffffffff }, directories]))).toEqual([]);
  expect(languageFilesOfHeader(headerOf([numbers, { ...names, offset: 0xffffff00 }, directories]))).toEqual([]);
  expect(languageFilesOfHeader(headerOf([{ ...numbers, offset: 100 }, names, directories]))).toEqual([]);
});

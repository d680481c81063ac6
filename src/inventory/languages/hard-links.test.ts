import { expect, test } from 'bun:test';
import type { Digest } from '../../oci/index.ts';
import { type DoubleEntry, readEntries, withPax } from '../archive.double.ts';
import { mergeLayers } from '../index.ts';

/** Paths of what is found, and codes of warnings, in an image of one layer. */
async function found(entries: readonly DoubleEntry[]) {
  // Names and links of this length do not fit into a header.
  const inventory = await readEntries(
    entries.map((entry) =>
      withPax({ path: entry.name, ...(entry.link !== undefined && { linkpath: entry.link }) }, entry),
    ),
  );
  const { components, partial } = mergeLayers([{ digest: `sha256:${'0'.repeat(64)}` as Digest, inventory }]);
  return { paths: components.map(({ name, path }) => `${name} ${path}`), warnings: inventory.warnings, partial };
}

const lodash = '{"name":"lodash","version":"4.17.20"}';
const inStore = (byte: string) => `root/.local/share/pnpm/store/v10/files/${byte}/${'0'.repeat(126)}`;
const app = 'usr/src/app/node_modules/.pnpm/lodash@4.17.20/node_modules/lodash';

test('what pnpm has installed by hard links to its store is found where it is installed', async () => {
  const entries = [
    { name: inStore('01'), content: lodash },
    { name: inStore('02'), content: '{"type":"module"}' },
    { name: inStore('03'), content: '{ // no JSON' },
    { name: inStore('04'), content: 'module.exports = 1' },
    { name: `${app}/package.json`, type: '1', link: inStore('01') },
    { name: `${app}/esm/package.json`, type: '1', link: inStore('02') },
    { name: `${app}/test/package.json`, type: '1', link: inStore('03') },
    { name: `${app}/index.js`, type: '1', link: inStore('04') },
  ];
  expect(await found(entries)).toEqual({ paths: [`lodash ${app}/package.json`], warnings: [], partial: false });
});

test('so is what Bun has installed, whichever of the two comes first', async () => {
  const cache = 'root/.bun/install/cache/lodash@4.17.20@@@1/package.json';
  for (const path of ['app/node_modules/lodash/package.json', 'srv/node_modules/lodash/package.json']) {
    const [first, second] = [cache, path].toSorted();
    const entries = [
      { name: first!, content: lodash },
      { name: second!, type: '1', link: first! },
    ];
    expect(await found(entries)).toEqual({ paths: [`lodash ${path}`], warnings: [], partial: false });
  }
});

test('a package of Python that uv has linked to its cache is found', async () => {
  const cache = 'root/.cache/uv/archive-v0/Ab3/requests-2.31.0.dist-info/METADATA';
  const site = 'usr/lib/python3.12/site-packages/requests-2.31.0.dist-info/METADATA';
  const entries = [
    { name: cache, content: 'Name: requests\nVersion: 2.31.0\n\n' },
    { name: site, type: '1', link: cache },
  ];
  expect(await found(entries)).toEqual({ paths: [`requests ${site}`], warnings: [], partial: false });
});

import { describe, expect, test } from 'bun:test';
import { archiveOf, inPieces } from '../../archive.double.ts';
import { readLayer } from '../../index.ts';
import { largeFileMemory } from '../../reader.ts';
import { elfOf, inlineRecord, modulesText, peOf, pointerRecord } from './programs.double.ts';
import { readLargeExecutable } from './read-large.ts';

const mib = 1024 * 1024;
const modules = modulesText(['path\tx/y', 'mod\tx/y\tv1.4.0\th1:', 'dep\ta/b\tv0.3.1\th1:']);
const all = ['stdlib@1.22.8', 'x/y@v1.4.0', 'a/b@v0.3.1'];
const head = elfOf([{ name: '.text', content: Buffer.alloc(1_000) }], { sectionless: true });

/** A file with some bytes at some places, zeros elsewhere, that comes in as it is asked for. */
async function read(size: number, places: Record<number, Uint8Array>, memory = new Uint8Array(largeFileMemory)) {
  const file = Buffer.alloc(size);
  for (const [at, bytes] of Object.entries(places)) file.set(bytes, Number(at));
  let given = 0;
  const { packages, warnings } = await readLargeExecutable(async (into) => {
    const count = file.copy(into, 0, given, given + into.length);
    given += count;
    return count;
  }, memory);
  expect(given).toBe(size);
  return { names: packages.map(({ name, version }) => `${name}@${version}`), warnings: warnings ?? [] };
}

describe('a program that is too large to be held', () => {
  const record = inlineRecord('go1.22.8', modules);

  test('says what it was built from, wherever that lies', async () => {
    const size = 80 * mib + 4_000;
    for (const at of [
      4_096,
      largeFileMemory - 16,
      largeFileMemory - 96,
      largeFileMemory,
      79 * mib,
      size - record.length - 8,
    ]) {
      expect(await read(size, { 0: head, [at - (at % 16)]: record })).toEqual({ names: all, warnings: [] });
    }
  });

  test('has its modules where only pointers lead to them, but not its version of Go', async () => {
    const pointers = pointerRecord('go1.17', modulesText([]), { address: 0x900000 });
    expect((await read(80 * mib, { 0: head, 5_000: modules, [70 * mib]: pointers })).names).toEqual(all.slice(1));
  });

  test('that says nothing, or is a library of something else, is no warning', async () => {
    expect(await read(70 * mib, { 0: head })).toEqual({ names: [], warnings: [] });
    expect(await read(largeFileMemory, { 0: head })).toEqual({ names: [], warnings: [] });
  });

  test('is not mistaken for one because it reads such records', async () => {
    const decoy = Buffer.concat([Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(50, 0xff)]);
    expect((await read(70 * mib, { 0: head, 8_192: decoy, [60 * mib]: record })).names).toEqual(all);
  });

  test('that was packed is a warning', async () => {
    const packed = peOf([{ name: 'UPX0', content: Buffer.alloc(10) }]);
    expect((await read(40 * mib, { 0: packed })).warnings).toEqual([
      'packed binary: what it was built from cannot be read',
    ]);
  });
});

describe('in a layer', () => {
  const content = Buffer.concat([
    elfOf([{ name: '.go.buildinfo', content: inlineRecord('go1.22.8', modules) }]),
    Buffer.alloc(200_000),
  ]);
  const archive = archiveOf([
    { name: 'usr/bin/tool', content, mode: 0o755 },
    {
      name: 'usr/bin/script',
      content: Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.alloc(200_000)]),
      mode: 0o755,
    },
    { name: 'app/node_modules/a/package.json', content: '{"name":"a","version":"1.0.0"}' },
  ]);
  const limits = { fileBytes: 100_000 };

  test('a program beyond the bound is read in parts, and what comes after it is read as ever', async () => {
    const { files, warnings } = await readLayer(inPieces(archive), { limits });
    expect(warnings).toEqual([]);
    expect(files.map(({ path, packages }) => [path, packages.length])).toEqual([
      ['app/node_modules/a/package.json', 1],
      ['usr/bin/tool', 3],
    ]);
  });

  test('bytes that could not be had in the midst of it are thrown', async () => {
    async function* broken() {
      yield archive.subarray(0, 50_000);
      throw new Error('the connection was lost');
    }
    const reading = readLayer(broken(), { limits });
    expect(reading).rejects.toThrow('the connection was lost');
    await reading.catch(() => {});
  });

  test('an archive that ends in the midst of it is truncated', async () => {
    const { files, warnings } = await readLayer(inPieces(archive.subarray(0, 50_000)), { limits });
    expect(files.map(({ path }) => path)).toEqual(['usr/bin/tool']);
    expect(warnings.map(({ code }) => code)).toEqual(['truncated-archive']);
  });
});

import { describe, expect, test } from 'bun:test';
import { elfOf, inlineRecord, machOOf, modulesText, peOf, pointerRecord, universalOf } from './programs.double.ts';
import { executableReader } from './reader.ts';

const read = (bytes: Uint8Array) => executableReader.read('usr/bin/x', bytes);
const mib = 1024 * 1024;
const magic = Buffer.from('\xff Go buildinf:', 'latin1');

/** A thousandth of what an unbounded one would take; a busy machine takes some of it. */
const boundMs = 10_000;

function within(bytes: Uint8Array): ReturnType<typeof read> {
  const began = performance.now();
  const found = read(bytes);
  expect(performance.now() - began).toBeLessThan(boundMs);
  return found;
}

describe('a hostile program', () => {
  test('full of beginnings of records that are none', () => {
    for (const flags of [0, 1, 2, 3]) {
      const record = Buffer.concat([magic, Buffer.from([8, flags]), Buffer.alloc(16, 0xff)]);
      const content = Buffer.alloc(64 * mib, record);
      expect(within(elfOf([{ name: '.data', content }])).packages).toEqual([]);
    }
  });

  test('full of beginnings of modules that never end', () => {
    const begin = Buffer.from('3077af0c9274080241e1c107e6d618e6', 'hex');
    const pointers = pointerRecord('go1.17', modulesText([]), { address: 0x900000 });
    const content = Buffer.concat([pointers, Buffer.alloc(64 * mib, begin)]);
    expect(within(elfOf([{ name: '.data', content }])).packages).toEqual([]);
  });

  test('whose lengths go beyond its end, or beyond what a number can be', () => {
    const modules = modulesText(['mod\ta\tv1']);
    for (const length of [
      [0xff, 0xff, 0xff, 0xff, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      [0x80],
    ]) {
      const record = Buffer.from(inlineRecord('go1.22.8', modules));
      record.set(length, 32);
      expect(read(elfOf([{ name: '.go.buildinfo', content: record }])).packages).toEqual([]);
    }
  });

  test('with as many sections and segments as its header can count', () => {
    const content = inlineRecord('go1.22.8', modulesText([]));
    const elf = elfOf([
      { name: '.go.buildinfo', content },
      { name: '.text', content: Buffer.alloc(8 * mib) },
    ]);
    const view = new DataView(elf.buffer);
    view.setUint16(56, 0xffff, true);
    view.setUint16(60, 0xffff, true);
    // The names of all are searched in what is no table of names.
    view.setUint16(62, 2, true);
    expect(within(elf).packages).toHaveLength(1);
    const pe = peOf([{ name: '.data', content }]);
    new DataView(pe.buffer).setUint16(128 + 6, 0xffff, true);
    expect(within(pe).packages).toHaveLength(1);
  });

  test('of Apple, with commands without a size, and with more sections than its commands have room for', () => {
    const content = inlineRecord('go1.22.8', modulesText([]));
    const program = machOOf([{ name: '__go_buildinfo', content }]);
    const view = new DataView(program.buffer);
    view.setUint32(32 + 64, 0xffffffff, true);
    expect(within(program).packages).toHaveLength(1);
    view.setUint32(32 + 4, 0, true);
    view.setUint32(16, 0xffffffff, true);
    expect(within(program).packages).toHaveLength(1);
  });

  test('for several processors, that is a part of itself', () => {
    const inner = machOOf([{ name: '__go_buildinfo', content: inlineRecord('go1.22.8', modulesText([])) }]);
    const all = universalOf(Array.from({ length: 19 }, () => inner));
    const view = new DataView(all.buffer);
    for (let index = 0; index < 19; index++) {
      view.setUint32(8 + index * 20 + 8, 0);
      view.setUint32(8 + index * 20 + 12, all.length);
    }
    expect(within(all).packages).toEqual([]);
  });

  test('with a million lines of modules', () => {
    const modules = modulesText(Array.from({ length: 300_000 }, (_, index) => `dep\tm/${index}\tv1.0.0`));
    const { packages, warnings } = within(
      elfOf([{ name: '.go.buildinfo', content: inlineRecord('go1.22.8', modules) }]),
    );
    expect(packages).toHaveLength(50_000);
    expect(warnings).toEqual(['has more than 50000 packages, of which the rest was left out']);
  });

  test('with replacements of nothing, and lines of other things', () => {
    const modules = modulesText(['=>\ta\tv1', 'dep', 'dep\t\tv1', 'mod\t\u001b[31m\tv1', 'x'.repeat(100_000)]);
    const { packages } = read(elfOf([{ name: '.go.buildinfo', content: inlineRecord('go1.22.8', modules) }]));
    expect(packages.map(({ name }) => name)).toEqual(['stdlib', '\u001b[31m']);
  });
});

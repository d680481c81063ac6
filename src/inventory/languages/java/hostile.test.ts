import { describe, expect, test } from 'bun:test';
import { MalformedFile } from '../malformed-file.ts';
import { javaReader } from './archive.ts';
import { pomOf, zipOf } from './zip.double.ts';

const read = (bytes: Uint8Array) => javaReader.read('a.jar', bytes);
const mib = 1024 * 1024;

describe('a hostile archive', () => {
  test('a description that unpacks to gigabytes is left at a mebibyte', () => {
    const { packages, warnings } = read(
      zipOf([{ ...pomOf('g', 'bomb', '1'), content: Buffer.alloc(200 * mib) }, pomOf('g', 'a', '1')]),
    );
    expect(packages.map(({ name }) => name)).toEqual(['a']);
    expect(warnings).toEqual(['META-INF/maven/g/bomb/pom.properties has an entry of more than 1048576 bytes']);
  });

  test('an archive in an archive that unpacks to gigabytes is left', () => {
    const { warnings } = read(zipOf([{ name: 'lib/b.jar', content: Buffer.alloc(200 * mib) }, pomOf('g', 'a', '1')]));
    expect(warnings).toEqual(['lib/b.jar has an entry of more than 134217728 bytes']);
  });

  test('thousands of entries that share their bytes cost no more than the bound', () => {
    const inner = { name: 'lib/0.jar', content: Buffer.alloc(8 * mib), stored: true };
    const others = Array.from({ length: 5_000 }, (_, index) => ({
      name: `lib/${index + 1}.jar`,
      content: '',
      claims: { offset: 0, compressedSize: 8 * mib, size: 8 * mib, method: 0 },
    }));
    expect(read(zipOf([pomOf('g', 'a', '1')])).packages).toHaveLength(1);
    expect(read(zipOf([inner, ...others])).warnings).toEqual(['holds more than can be unpacked']);
  });

  test('sizes that lie are not believed', () => {
    const pom = pomOf('g', 'a', '1');
    expect(read(zipOf([{ ...pom, claims: { size: 1 } }])).packages).toHaveLength(1);
    expect(read(zipOf([{ ...pom, claims: { size: 0xfffffff0 } }])).packages).toHaveLength(1);
    const beyond = read(zipOf([{ ...pom, claims: { compressedSize: 0xffff0000 } }, pomOf('g', 'b', '1')]));
    expect(beyond.packages.map(({ name }) => name)).toEqual(['b']);
    expect(beyond.warnings).toEqual(['META-INF/maven/g/a/pom.properties has an entry that goes beyond its end']);
    const elsewhere = read(zipOf([{ ...pom, claims: { offset: 0x7fffffff } }]));
    expect(elsewhere.warnings).toEqual([
      'META-INF/maven/g/a/pom.properties has an entry that is not where its directory says',
    ]);
  });

  test('numbers of 64 bits that cannot be are refused', () => {
    const pom = { ...pomOf('g', 'a', '1'), zip64: true, claims: { offset: Number.MAX_SAFE_INTEGER } };
    expect(read(zipOf([pom])).warnings).toEqual([
      'META-INF/maven/g/a/pom.properties has an entry that is not where its directory says',
    ]);
  });

  test('encrypted entries and methods that nobody uses are named', () => {
    expect(read(zipOf([{ ...pomOf('g', 'a', '1'), claims: { flags: 1 } }])).warnings?.[0]).toContain('encrypted');
    expect(read(zipOf([{ ...pomOf('g', 'a', '1'), claims: { method: 99 } }])).warnings?.[0]).toContain('method 99');
  });

  test('an archive that was cut off is a warning, wherever it was cut', () => {
    const whole = zipOf([pomOf('g', 'a', '1'), pomOf('g', 'b', '1')]);
    for (let length = 4; length < whole.length; length++) {
      const { packages, warnings } = read(whole.subarray(0, length));
      expect(packages).toEqual([]);
      expect(warnings).toHaveLength(1);
    }
  });

  test('an archive in itself ends', () => {
    const member = { name: 'a.jar', content: 'PK', stored: true };
    // All that comes behind its own header, so that it has the directory in which it is.
    const compressedSize = zipOf([member]).length - 35;
    const { packages, warnings } = read(zipOf([{ ...member, claims: { compressedSize } }]));
    expect(packages).toEqual([]);
    expect(warnings).toEqual(['a.jar has its directory outside of itself']);
  });

  test('a hundred thousand archives in one are as many as are looked into', () => {
    const many = Array.from({ length: 30_000 }, (_, index) => ({ name: `${index}.jar`, content: 'x', stored: true }));
    expect(read(zipOf(many)).warnings).toEqual(['holds more than can be unpacked']);
  });

  test('names and versions are data, whatever is in them', () => {
    const version = '1"><script>\u001b[31m, "=cmd()';
    const { packages } = read(zipOf([{ ...pomOf('g', 'a', version), name: 'META-INF/maven/g/../pom.properties' }]));
    expect(packages).toEqual([{ type: 'maven', namespace: 'g', name: 'a', version }]);
  });

  test('nothing but a malformed file is thrown', () => {
    for (const bytes of [new Uint8Array(0), Buffer.from('PK'), Buffer.from('PK\x05\x06'), Buffer.alloc(22, 0xff)]) {
      try {
        read(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFile);
      }
    }
  });
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parseContentRange, parseRange } from './range.ts';

const numRuns = Number(process.env.BONDED_TEST_RUNS ?? 2_000);
const timeout = 5_000 + numRuns;

/** RFC 9110 §14.1.2 by counting: which of the bytes 0 to size - 1 does the range name? */
function named(first: number | undefined, last: number | undefined, size: number): number[] {
  const bytes = Array.from({ length: size }, (_, at) => at);
  if (first === undefined) return last ? bytes.slice(-last) : [];
  return bytes.filter((at) => at >= first && at <= (last ?? Infinity));
}

const position = fc.option(fc.nat(30), { nil: undefined });

describe('Range', () => {
  test(
    'names the bytes that RFC 9110 says',
    () => {
      const check = (first: number | undefined, last: number | undefined, size: number) => {
        const bytes = named(first, last, size);
        const parsed = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        if ((first === undefined && last === undefined) || size === 0) expect(parsed).toBeUndefined();
        else if (bytes.length === 0) expect(parsed).toBe('unsatisfiable');
        else expect(parsed).toEqual({ start: bytes[0]!, end: bytes.at(-1)! });
      };
      fc.assert(fc.property(position, position, fc.nat(25), check), { numRuns });
    },
    timeout,
  );

  test('lesson 55: open, suffix and overlong ranges are cut to the content, those outside are unsatisfiable', () => {
    const size = 2048;
    expect(parseRange('bytes=500-1499', size)).toEqual({ start: 500, end: 1499 });
    expect(parseRange('bytes=500-', size)).toEqual({ start: 500, end: 2047 });
    expect(parseRange('bytes=-500', size)).toEqual({ start: 1548, end: 2047 });
    expect(parseRange('bytes=-5000', size)).toEqual({ start: 0, end: 2047 });
    expect(parseRange('bytes=2000-5000', size)).toEqual({ start: 2000, end: 2047 });
    expect(parseRange('bytes=0-0', size)).toEqual({ start: 0, end: 0 });
    for (const header of ['bytes=500-0', 'bytes=2048-', 'bytes=2048-2048', 'bytes=5000-6000', 'bytes=-0']) {
      expect({ header, range: parseRange(header, size) }).toEqual({ header, range: 'unsatisfiable' });
    }
  });

  test('what is not one range of bytes is ignored', () => {
    const ignored = [
      '',
      'bytes',
      'bytes=',
      'bytes=-',
      'bytes=a-b',
      'bytes=0-1,2-3',
      'items=0-1',
      'bytes=0--1',
      'bytes=+0-1',
    ];
    for (const header of [null, ...ignored, 'bytes=0x1-2', 'bytes=0-1;', `bytes=0-${'9'.repeat(80)}`]) {
      expect({ header, range: parseRange(header, 2048) }).toEqual({ header, range: undefined });
    }
    expect(parseRange('Bytes= 0-1 ', 2048)).toEqual({ start: 0, end: 1 });
    // Of nothing, no range can be named: a client that always asks for one gets the empty content.
    for (const header of ['bytes=0-', 'bytes=-5', 'bytes=0-0']) expect(parseRange(header, 0)).toBeUndefined();
  });

  test(
    'whatever the header, the range lies inside the content',
    () => {
      const header = fc.oneof(
        fc.string({ unit: fc.constantFrom(...'bytes=-,0189 '), maxLength: 40 }).map((text) => `bytes=${text}`),
        fc
          .tuple(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.bigInt({ min: 0n, max: 10n ** 30n }))
          .map(([a, b]) => `bytes=${a}-${b}`),
        fc.string({ unit: 'binary' }),
      );
      const check = (text: string, size: number) => {
        const range = parseRange(text, size);
        if (typeof range !== 'object') return;
        expect(range.start).toBeWithin(0, range.end + 1);
        expect(range.end).toBeWithin(range.start, size);
      };
      fc.assert(fc.property(header, fc.nat(Number.MAX_SAFE_INTEGER), check), { numRuns });
    },
    timeout,
  );
});

describe('Content-Range of a chunk', () => {
  test(
    'is read in the forms that clients send',
    () => {
      const check = (start: number, length: number, form: (range: string, end: number) => string) => {
        const end = start + length;
        expect(parseContentRange(form(`${start}-${end}`, end))).toEqual({ start, end });
      };
      const form = fc.constantFrom<((range: string, end: number) => string)[]>(
        (range) => range,
        (range) => `bytes ${range}/*`,
        (range, end) => `bytes ${range}/${end + 1}`,
        (range) => `bytes=${range}`,
        (range) => ` ${range} `,
      );
      fc.assert(fc.property(fc.nat(2 ** 50), fc.nat(2 ** 40), form, check), { numRuns });
    },
    timeout,
  );

  test(
    'anything else is invalid, never a wrong offset',
    () => {
      const invalid = [
        '',
        '-',
        '0-',
        '-5',
        '0--1',
        '5-4',
        'a-b',
        '0-4 ',
        '0-4/',
        'bytes */5',
        '0-4,5-9',
        '1e3-2e3',
        '0x0-0x4',
        '+0-4',
      ];
      for (const header of [
        ...invalid.filter((text) => text !== '0-4 '),
        '9007199254740993-9007199254740994',
        '0'.repeat(200),
      ]) {
        expect({ header, range: parseContentRange(header) }).toEqual({ header, range: 'invalid' });
      }
      expect(parseContentRange(null)).toBeUndefined();
      const check = (header: string) => {
        const range = parseContentRange(header);
        if (typeof range !== 'object') return expect(range).toBe('invalid');
        // What was accepted says the same as its digits.
        return expect(
          header
            .match(/[0-9]+/g)
            ?.slice(0, 2)
            .map(Number),
        ).toEqual([range.start, range.end]);
      };
      const header = fc.string({ unit: fc.constantFrom(...'0123456789-/* =bytes'), maxLength: 24 });
      fc.assert(fc.property(fc.oneof(header, fc.string({ unit: 'binary' })), check), { numRuns });
    },
    timeout,
  );
});

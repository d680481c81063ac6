import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { createRegionOf, regionsConfig } from './regions.ts';

const regionOf = createRegionOf([
  { name: 'inner', ranges: ['10.1.0.0/16', 'fd00:1::/32'] },
  { name: 'outer', ranges: ['10.0.0.0/8', '203.0.113.9', '::1'] },
])!;

describe('the region of a client', () => {
  test.each([
    ['10.1.2.3', 'inner'],
    ['10.2.0.1', 'outer'],
    ['203.0.113.9', 'outer'],
    ['203.0.113.8', undefined],
    ['fd00:1::5', 'inner'],
    ['fd00:2::5', undefined],
    ['::1', 'outer'],
    ['', undefined],
    ['unknown', undefined],
  ])('%p is %p, also when it is asked again', (address, region) => {
    expect([regionOf(address), regionOf(address)]).toEqual([region, region]);
  });

  test('nobody asks for it where there are none', () => {
    expect(createRegionOf([])).toBeUndefined();
  });

  test('is found whatever the address is, and however many there are', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (address) => {
        expect([undefined, 'inner', 'outer']).toContain(regionOf(address));
      }),
    );
    for (let n = 0; n < 30_000; n++) expect(regionOf(`10.1.${n % 250}.${n % 199}`)).toBe('inner');
  });
});

test.each([
  [[{ name: 'a', ranges: [] }]],
  [[{ name: 'a', ranges: ['10.0.0.0/33'] }]],
  [[{ name: 'a', ranges: ['::ffff:1.2.3.4/129'] }]],
  [[{ name: 'a', ranges: ['nowhere'] }]],
  [[{ name: 'West Europe', ranges: ['10.0.0.0/8'] }]],
  [
    [
      { name: 'a', ranges: ['10.0.0.0/8'] },
      { name: 'a', ranges: ['11.0.0.0/8'] },
    ],
  ],
  [Array.from({ length: 101 }, (_, n) => ({ name: `r${n}`, ranges: ['10.0.0.0/8'] }))],
])('regions that cannot be are refused: %#', (regions) => {
  expect(regionsConfig.safeParse(regions).success).toBe(false);
});

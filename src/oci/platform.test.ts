import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { platformOfConfig, platformsOf } from './platform.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 2000);
const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

test('a config says what its image runs on, and an index what each of its images does', () => {
  const platform = { architecture: 'arm64', os: 'linux' };
  expect(platformOfConfig(bytesOf({ ...platform, config: {} }))).toEqual(platform);
  const index = { manifests: [{ digest: 'a', platform: { ...platform, variant: 'v8' } }, { digest: 'b' }, 1] };
  expect([...platformsOf(bytesOf(index))]).toEqual([
    ['a', platform],
    ['b', {}],
  ]);
});

test.each([
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '{"architecture":1,"os":{}}',
  `{"os":"${'x'.repeat(65)}"}`,
  '['.repeat(100_000),
  '{"manifests":{"length":1}}',
])('what is malformed says nothing (%#)', (text) => {
  expect(platformOfConfig(bytesOf(text))).toEqual({});
  expect(platformsOf(bytesOf(text)).size).toBe(0);
});

test('no JSON makes it throw, or pass on anything but short words', () => {
  const value = fc.oneof(fc.string({ maxLength: 80 }), fc.constantFrom(null, 1, true, [], {}, '\0'));
  const key = fc.constantFrom('architecture', 'os', 'manifests', 'digest', 'platform', '__proto__');
  const inner = fc.dictionary(key, value, { maxKeys: 3 });
  const middle = fc.dictionary(key, fc.oneof(value, inner), { maxKeys: 4 });
  const json = fc.oneof(value, fc.dictionary(key, fc.oneof(value, fc.array(middle, { maxLength: 3 })), { maxKeys: 4 }));
  fc.assert(
    fc.property(json, (some) => {
      const bytes = Buffer.from(JSON.stringify(some));
      for (const platform of [platformOfConfig(bytes), ...platformsOf(bytes).values()])
        for (const said of Object.values(platform)) expect(String(said).length).toBeWithin(1, 65);
    }),
    { numRuns },
  );
});

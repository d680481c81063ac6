import { expect, test } from 'bun:test';
import { randomBytes } from 'node:crypto';
import { keysConfig } from './config.ts';

const refusals = (value: object) => {
  const result = keysConfig.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
};

test('keys live thirty days, are known an hour before and believed a day after', () => {
  const day = 86_400_000;
  expect(keysConfig.parse(undefined)).toEqual({ rotation: 30 * day, lead: 3_600_000, overlap: day });
});

test('a secret has 32 random bytes; what is refused is not repeated', () => {
  for (const encoding of ['hex', 'base64', 'base64url'] as const)
    expect(refusals({ secret: randomBytes(32).toString(encoding) })).toEqual([]);
  for (const secret of [
    '',
    'swordfish',
    randomBytes(31).toString('base64url'),
    'swordfish'.repeat(5),
    'x'.repeat(64),
  ]) {
    const [refusal = ''] = refusals({ secret });
    expect(refusal).toStartWith('secret: must ');
    if (secret !== '') expect(refusal).not.toContain(secret);
  }
});

test('times that would leave no key, or keep one forever, are refused', () => {
  for (const value of [{ rotation: '1h' }, { rotation: '500d' }, { lead: '1s' }, { lead: '13h' }, { overlap: '1m' }])
    expect(refusals(value)).toHaveLength(1);
  expect(refusals({ rotation: '1d', lead: '12h', overlap: '90d' })).toEqual([]);
});

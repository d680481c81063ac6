import { expect, test } from 'bun:test';
import { createSigningTurn } from './sign-together.ts';

test('what comes in one turn is signed after it, in its order, and each gets its own', async () => {
  const signed: string[] = [];
  const sign = createSigningTurn((json) => (signed.push(json), `signed ${json}`));
  const all = Promise.all(Array.from({ length: 200 }, (_, n) => sign(`${n}`)));
  await Promise.resolve();
  expect(signed).toEqual([]);
  expect(await all).toEqual(Array.from({ length: 200 }, (_, n) => `signed ${n}`));
  expect(signed).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`));
  expect(await sign('later')).toBe('signed later');
});

test('of many, others have their turn in between', async () => {
  let count = 0;
  const sign = createSigningTurn((json) => (count++, json));
  const all = Promise.all(Array.from({ length: 200 }, (_, n) => sign(`${n}`)));
  const seen = await new Promise<number>((resolve) => setImmediate(() => resolve(count)));
  expect(seen).toBeGreaterThan(0);
  expect(seen).toBeLessThan(200);
  await all;
  expect(count).toBe(200);
});

test('what cannot be signed is told to who asked for it, and to nobody else', async () => {
  const sign = createSigningTurn((json) => {
    if (json === 'long') throw new RangeError('too long');
    return json;
  });
  const told = await Promise.allSettled(['one', 'long', 'other'].map(sign));
  expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
});

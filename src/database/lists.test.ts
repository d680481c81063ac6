import { expect, test } from 'bun:test';
import { listsOf, placeholders, rowsOf } from './lists.ts';

test('a list is filled up to a power of two, and split where it is long', () => {
  expect(placeholders(3)).toBe('?, ?, ?');
  expect(listsOf([])).toEqual([]);
  expect(listsOf(['a'])).toEqual([{ list: '?', values: ['a'] }]);
  expect(listsOf(['a', 'b', 'c'])).toEqual([{ list: '?, ?, ?, ?', values: ['a', 'b', 'c', 'c'] }]);
  const numbers = Array.from({ length: 1200 }, (_, n) => n);
  const lists = listsOf(numbers);
  expect(lists.map(({ values }) => values.length)).toEqual([512, 512, 256]);
  expect([...new Set(lists.flatMap(({ values }) => values))]).toEqual(numbers);
});

test('rows are put together, and split where there are many', () => {
  expect(rowsOf([])).toEqual([]);
  expect(
    rowsOf([
      ['a', 1],
      ['b', 2],
    ]),
  ).toEqual([{ rows: '(?, ?), (?, ?)', values: ['a', 1, 'b', 2] }]);
  const parts = rowsOf(Array.from({ length: 130 }, (_, n) => [n]));
  expect(parts.map(({ values }) => values.length)).toEqual([64, 64, 2]);
});

import { describe, expect, test } from 'bun:test';
import { textMatcher } from './match-text.ts';
import { parseQuery } from './parse.ts';
import { planQuery } from './plan.ts';
import { QueryError } from './query-error.ts';
import { columns, sourceOf, type TableRow } from './rows.double.ts';
import { runQuery } from './run-query.ts';
import { createBudget } from './source.ts';
import { readState, type State } from './state.ts';
import { textOfTimespan, timeOf } from './times.ts';

const now = Date.UTC(2026, 0, 31);
const planOf = (text: string) => planQuery(parseQuery(text), columns, now);

function refusalOf(text: string): { at: number; message: string } {
  try {
    planOf(text);
  } catch (error) {
    if (error instanceof QueryError) return { at: error.at, message: error.message };
    throw error;
  }
  throw new Error(`it was taken: ${text.slice(0, 200)}`);
}

const rowOf = (n: number, more: Partial<TableRow> = {}): TableRow => ({
  name: `n${n}`,
  kind: 'k',
  size: n,
  weight: 0,
  created: now - n,
  pulled: null,
  list: [],
  bag: null,
  ...more,
});

async function run(
  text: string,
  rows: readonly TableRow[],
  { most = 1_000_000, page = 100, from }: { most?: number; page?: number; from?: State | undefined } = {},
) {
  const budget = createBudget({ rows: most, ms: 60_000 });
  const options = { source: sourceOf(rows, 500, budget), budget, page, mostCharacters: 100_000, from };
  return runQuery(planOf(text), options);
}

describe('what makes no sense is refused, at its character', () => {
  test.each([
    ['', 0, 'the table Manifests, the only one, is expected here, not the end of the query'],
    ['Manifests where', 10, '| or the end of the query is expected here, not where'],
    ['Manifests | join x', 12, /^one of where, .*summarize is expected here, not join$/],
    ['Manifests | where size = 1', 23, '| or the end of the query is expected here, not ='],
    ['Manifests | where size', 18, 'a truth value is needed here, and this is a number'],
    ["Manifests | where size == 'x'", 23, 'a number cannot be compared with a string'],
    ['Manifests | where name > 3', 23, 'a string cannot be compared with a number'],
    ["Manifests | where name > 'a'", 23, '> compares numbers, datetimes and timespans, not a string'],
    ["Manifests | where size has 'a'", 18, 'a string is needed here, and this is a number; write tostring(…)'],
    ['Manifests | where name.x == 1', 22, 'a string has no members'],
    ['Manifests | where nothing(1)', 18, /^nothing\(\) is not served; ago, now, /],
    ['Manifests | where ago(1) > now()', 22, 'a timespan is needed here, and this is a number'],
    ['Manifests | where now(1) > now()', 18, 'now() takes no values'],
    ['Manifests | project size + 1', 25, 'what is made here needs a name; write NAME = …'],
    ['Manifests | project a = size, a = name', 30, 'the column a is made twice; give one of them another name'],
    ['Manifests | project-away x', 25, /^there is no column x here; there are name, kind/],
    ['Manifests | take 1.5', 17, /^a whole number up to 100000 is expected here/],
    ['Manifests | take 100001', 17, /^a whole number up to 100000 is expected here/],
    ['Manifests | summarize size', 22, /^one of count\(\), .* is expected here$/],
    ['Manifests | summarize sum()', 22, 'sum() takes one value'],
    ['Manifests | order size', 18, 'by is expected here, not size'],
    ['Manifests | order by size nulls', 31, 'first or last is expected here, not the end of the query'],
    ["Manifests | where name == 'x", 26, "the text that begins here has no ' at its end"],
    [String.raw`Manifests | where name == '\q'`, 27, /stands before/],
    ['Manifests | where created > datetime(2026-02-30)', 28, /^a time is datetime/],
    ['Manifests | where created > ago(3w)', 33, 'w is no unit of time: d, h, m, s and ms are'],
    ['Manifests | where size == 9999999999999999999', 26, 'this number is too large'],
    ['Manifests | where name like "x"', 23, /^an operator, such as ==, has or in, is expected here/],
    ['Manifests | where name == ☃', 26, '"☃" means nothing here'],
  ])('%s', (text, at, message) => {
    const said = refusalOf(text);
    expect(said.at).toBe(at);
    if (typeof message === 'string') expect(said.message).toBe(message);
    else expect(said.message).toMatch(message);
  });
});

describe('hostile queries are refused before they cost anything', () => {
  const deep = (open: string, close: string, count: number) =>
    `Manifests | where ${open.repeat(count)}true${close.repeat(count)}`;
  test.each([
    ['parentheses', deep('(', ')', 700), /32 levels/],
    ['calls', deep('not(', ')', 300), /32 levels/],
    ['signs', `Manifests | where size == ${'-'.repeat(700)}1`, /32 levels/],
    ['members', `Manifests | where bag${'.a'.repeat(500)} == 1`, /32 levels/],
    ['a long list', `Manifests | where size in (${'1,'.repeat(300)}1)`, /200 values/],
    ['many words', `Manifests | where ${'1 or '.repeat(800)}1`, /1500 words/],
    ['a long text', `Manifests | where name == '${'x'.repeat(5000)}'`, /4096 characters/],
    ['many operators', `Manifests${' | take 1'.repeat(30)}`, /24 operators/],
    [
      'many columns',
      `Manifests | project ${Array.from({ length: 60 }, (_, n) => `a${n}=size`).join(',')}`,
      /50 of these/,
    ],
    ['many keys', `Manifests | order by ${'size,'.repeat(9)}size`, /8 of these/],
  ])('%s', (_, text, message) => {
    expect(refusalOf(text).message).toMatch(message);
  });

  test('a chain of conditions as long as may be is asked of rows all the same', async () => {
    const chain = `Manifests | where ${'size<0 or '.repeat(370)}size==1`;
    expect((await run(chain, [rowOf(0), rowOf(1)])).rows.length).toBe(1);
  });

  test('a column that doubles the one before, twenty times, is computed once for a row and stays small', async () => {
    const doubled = Array.from({ length: 20 }, (_, n) => ` | extend t${n + 1} = strcat(t${n}, t${n})`).join('');
    const { rows } = await run(`Manifests | extend t0 = 'abcdefgh'${doubled} | project n = strlen(t20)`, [rowOf(0)]);
    expect(rows).toEqual([{ n: 4096 }]);
    const counted = Array.from({ length: 20 }, (_, n) => ` | extend c${n + 1} = c${n} + c${n}`).join('');
    expect((await run(`Manifests | extend c0 = size${counted} | project c20`, [rowOf(1)])).rows).toEqual([
      { c20: 2 ** 20 },
    ]);
  });

  test('text that looks like what is sought at every character is searched in a moment', () => {
    const has = textMatcher('has')!;
    const long = 'a'.repeat(4_000_000);
    const before = performance.now();
    for (let count = 0; count < 50; count++) expect(has(long, 'a'.repeat(256))).toBe(false);
    expect(has(long, 'a'.repeat(257))).toBe(false);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  test('a row without a prototype of ours stays harmless', async () => {
    const bag = JSON.parse('{"__proto__": {"a": 1}, "constructor": 2}') as TableRow['bag'];
    const { rows } = await run("Manifests | project a = bag['__proto__'].a, c = bag.constructor, t = bag.toString", [
      rowOf(0, { bag }),
    ]);
    expect(rows).toEqual([{ a: 1, c: 2 }]);
    const named = await run('Manifests | project __proto__ = name, constructor = size', [rowOf(1)]);
    expect(Object.entries(named.rows[0]!)).toEqual([
      ['__proto__', 'n1'],
      ['constructor', 1],
    ]);
  });
});

describe('what a query keeps is bounded', () => {
  const many = Array.from({ length: 12_000 }, (_, n) => rowOf(n));

  test('an order keeps a page of rows however many there are, and what it takes of them', async () => {
    const first = await run('Manifests | order by size desc | project size', many, { page: 2 });
    expect(first.rows).toEqual([{ size: 11_999 }, { size: 11_998 }]);
    const next = await run('Manifests | order by size desc | project size', many, { page: 2, from: first.next! });
    expect(next.rows).toEqual([{ size: 11_997 }, { size: 11_996 }]);
    expect((await run('Manifests | top 11000 by size | project size', many, { page: 3 })).rows.at(-1)).toEqual({
      size: 11_997,
    });
    expect((await run('Manifests | top 10000 by size | count', many)).rows).toEqual([{ Count: 10_000 }]);
  });

  test.each([
    'Manifests | distinct name',
    'Manifests | summarize count() by name',
    'Manifests | top 10001 by size | count',
    'Manifests | order by size | where weight == 0 | take 11000 | count',
  ])('%s is refused beyond ten thousand', async (text) => {
    await expect(run(text, many)).rejects.toThrow('more than 10000 rows');
  });

  test('so are few groups of long texts, and long texts that are found in groups', async () => {
    const long = Array.from({ length: 200 }, (_, n) => rowOf(n, { bag: { a: `${n}${'x'.repeat(60_000)}` } }));
    for (const text of ['Manifests | distinct a = bag.a', 'Manifests | summarize max(bag.a) by name'])
      await expect(run(text, long)).rejects.toThrow('more than 10000 rows, or more than fits into memory');
    const page = await run('Manifests | project bag', long);
    expect(page.rows.length).toBe(1);
    expect((await run('Manifests | project bag', long, { from: page.next! })).rows).toEqual([{ bag: long[1]!.bag }]);
  });

  test('what has to see all rows is refused beyond the budget, and what need not goes on there', async () => {
    for (const text of ['Manifests | count', 'Manifests | order by size', 'Manifests | distinct kind'])
      await expect(run(text, many, { most: 5000 })).rejects.toThrow('more than one request may look at');
    const rare = await run('Manifests | where size == 11000 | project size', many, { most: 5000 });
    expect(rare.rows).toEqual([]);
    const later = await run('Manifests | where size == 11000 | project size', many, { from: rare.next! });
    expect(later).toEqual({ rows: [{ size: 11_000 }], next: undefined });
  });
});

test('what is read at once and looked up bit by bit is gone on with where the budget has ended', async () => {
  const rows = Array.from({ length: 170 }, (_, n) => rowOf(n));
  const found: unknown[] = [];
  let from: State | undefined;
  let pages = 0;
  do {
    const page = await run("Manifests | where kind == 'k' | project size", rows, { most: 10, page: 1000, from });
    found.push(...page.rows.map(({ size }) => size));
    from = page.next;
  } while (from && ++pages < 10);
  expect(found).toEqual(rows.map(({ size }) => size));
  expect(pages).toBe(3);
});

test.each([
  { more: 1 },
  { place: 'x' },
  { place: [{}] },
  { place: ['x'.repeat(513)] },
  { place: ['a', 'b', 1, 2, 3] },
  { left: [-1] },
  { left: [1.5] },
  { left: Array.from({ length: 30 }, () => 1) },
  { keys: [{}] },
  { keys: ['x'.repeat(257)] },
  { offset: 1e9 },
  { offset: -1 },
])('%j is no state', (value) => expect(readState(value)).toBeUndefined());

test('what is no object is no state', () => {
  for (const value of [undefined, null, 7, 'x', ['place']]) expect(readState(value)).toBeUndefined();
});

test('times are read and written as RFC 3339 and as Kusto has them', () => {
  expect(timeOf('2026')).toBe(Date.UTC(2026, 0, 1));
  expect(timeOf('2026-01-31T10:00:00.1234567+01:00')).toBe(Date.UTC(2026, 0, 31, 9, 0, 0, 123));
  for (const text of ['', '26', '2026-13-01', '2026-02-29', '2026-01-01T24:00:01Z', '2026-01-01T10Z', 'x'.repeat(50)])
    expect([text, timeOf(text)]).toEqual([text, undefined]);
  expect(textOfTimespan(90_061_001)).toBe('1.01:01:01.001');
  expect(textOfTimespan(-1000)).toBe('-00:00:01');
});

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Context } from '../context.ts';
import { print, type PrintOptions } from './print.ts';
import { cellOf, tableOf } from './table.ts';

const numRuns = Number(process.env['BONDED_TEST_RUNS'] ?? 500);

/** What is printed, as it reaches standard output. */
function printed(value: unknown, options: PrintOptions, isTTY = false): string {
  let out = '';
  const write = (text: string) => void (out += `${text}\n`);
  const context = { environment: { HOME: '/nowhere' }, process: { stdout: { isTTY } }, write };
  print(context as unknown as Context, value, options);
  return out;
}

const people = [
  { name: 'ada', sku: { name: 'Basic' }, tags: ['a', 'b'], admin: true, note: 'two\nlines' },
  { name: '李四', sku: { name: 'Premium' }, tags: [], admin: false, note: 'a\u001b[31mred' },
];
const columns = { Name: 'name', Sku: 'sku.name', Tags: 'tags', Admin: 'admin' };

describe('a list', () => {
  test.each<[PrintOptions, string]>([
    [
      { output: 'table', columns },
      `Name  Sku      Tags  Admin
----  -------  ----  -----
ada   Basic    a, b  true
李四  Premium        false
`,
    ],
    [{ output: 'tsv', columns }, 'ada\tBasic\ta, b\ttrue\n李四\tPremium\t\tfalse\n'],
    [{ output: 'tsv', columns, query: '[].name' }, 'ada\n李四\n'],
    [{ output: 'tsv', columns, query: '[].[name, admin]' }, 'ada\ttrue\n李四\tfalse\n'],
    [{ output: 'tsv', columns, query: '[].{n: name, s: sku.name}' }, 'ada\tBasic\n李四\tPremium\n'],
    [{ output: 'tsv', columns, query: '[0].note' }, 'two\\nlines\n'],
    [{ output: 'json', columns, query: '[?admin].sku' }, '[\n  {\n    "name": "Basic"\n  }\n]\n'],
    [{ output: 'json', query: '[1].note' }, '"a\\u001b[31mred"\n'],
    [{ output: 'json', query: 'nothing' }, 'null\n'],
    [
      { output: 'yaml', query: '[].{name: name, tags: tags}' },
      '- name: ada\n  tags:\n    - a\n    - b\n- name: 李四\n  tags: []\n',
    ],
    [{ output: 'yaml', query: '[1].note' }, '"a\\e[31mred"\n'],
    [{ output: 'yaml', query: '[0].note' }, '|-\ntwo\nlines\n'],
    [{ output: 'none', columns }, ''],
    [{ output: 'table', query: '[].name' }, 'Result\n------\nada\n李四\n'],
    [
      { output: 'table', query: '[].[name, admin]' },
      'Column1  Column2\n-------  -------\nada      true\n李四     false\n',
    ],
    [
      { output: 'table', query: '[].{who: name, sku: sku, admin: admin}' },
      'Who   Admin\n----  -----\nada   true\n李四  false\n',
    ],
    [{ output: 'table', query: 'nothing' }, ''],
  ])('is printed by %j', (options, text) => {
    expect(printed(people, options)).toBe(text);
  });
});

test('one thing is a row', () => {
  expect(printed(people[0], { output: 'table', columns: { Name: 'name' } })).toBe('Name\n----\nada\n');
  expect(printed(people[0], { output: 'tsv', columns: { Name: 'name', Note: 'note' } })).toBe('ada\ttwo\\nlines\n');
});

test('an empty list is an empty table, and an empty list in JSON', () => {
  expect(printed([], { output: 'table', columns })).toBe('');
  expect(printed([], { output: 'tsv', columns })).toBe('');
  expect(printed([], { output: 'json', columns })).toBe('[]\n');
});

test('without a format it is a table on a terminal, and JSON elsewhere', () => {
  expect(printed(['a'], {}, true)).toBe('Result\n------\na\n');
  expect(printed(['a'], {})).toBe('[\n  "a"\n]\n');
});

test('what is undefined prints nothing', () => {
  expect(printed(undefined, { output: 'json' })).toBe('');
});

/** What a terminal would obey, in all its forms. */
const risky = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\u001b', '\u0007', '\u009b', '\u202e', '\u2066', '\u2028', '\u0000', '\r', '\n', '\t', '\ud800'),
    fc.constantFrom('a', '漢', '😀', 'é', ' ', '#', ':', '-', "'", '|', '\\', '"'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 20,
});
const dangerous = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test('columns of a table begin in the same cell in all rows, whatever is in them', () => {
  const row = fc.record({ a: risky, b: fc.oneof(risky, fc.integer(), fc.boolean(), fc.constant(null)), c: risky });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), (rows) => {
      const lines = tableOf(rows, { First: 'a', Second: 'b', Third: 'c' }).split('\n');
      expect(lines).toHaveLength(rows.length + 2);
      for (const line of lines) expect(line).not.toMatch(dangerous);
      const [first, second] = lines[1]!.split('  ').map((rule) => rule.length) as [number, number];
      for (const [index, { a, b, c }] of rows.entries()) {
        const cells = [a, b, c].map(cellOf) as [string, string, string];
        const filled = (text: string, width: number) => text + ' '.repeat(width - Bun.stringWidth(text));
        const wanted = `${filled(cells[0], first)}  ${filled(cells[1], second)}  ${cells[2]}`.trimEnd();
        expect(lines[index + 2]).toBe(wanted);
      }
      expect(Math.max(...rows.map(({ a }) => Bun.stringWidth(cellOf(a))), 'First'.length)).toBe(first);
    }),
    { numRuns },
  );
});

test('whatever is in a value, JSON and YAML are read as it, and no terminal obeys them', () => {
  const wellFormed = risky.map((text) => text.toWellFormed());
  fc.assert(
    fc.property(
      fc.array(fc.record({ name: wellFormed, list: fc.array(wellFormed, { maxLength: 3 }) }), { maxLength: 4 }),
      (value) => {
        const json = printed(value, { output: 'json' });
        expect(json.replaceAll('\n', '')).not.toMatch(dangerous);
        expect(JSON.parse(json)).toEqual(value);
        const yaml = printed(value, { output: 'yaml' });
        expect(yaml.replaceAll('\n', '')).not.toMatch(dangerous);
        expect(parse(yaml)).toEqual(value);
      },
    ),
    { numRuns },
  );
});

test('a line of TSV has a value for each column, whatever is in them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(risky, risky), { minLength: 1, maxLength: 5 }), (rows) => {
      const out = printed(rows, { output: 'tsv' });
      const lines = out.slice(0, -1).split('\n');
      expect(lines).toHaveLength(rows.length);
      for (const line of lines) expect(line.split('\t')).toHaveLength(2);
    }),
    { numRuns },
  );
});

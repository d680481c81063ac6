import fc from 'fast-check';
import type { Row } from './compiled.ts';
import type { TableColumn } from './plan.ts';
import type { Batch, Budget, Source } from './source.ts';
import type { Value } from './values.ts';

/** A table of every type, whose columns cost as much as they do in truth. */
export const columns = [
  { name: 'name', type: 'string', cost: 0 },
  { name: 'kind', type: 'string', cost: 1 },
  { name: 'size', type: 'number', cost: 0 },
  { name: 'weight', type: 'number', cost: 2 },
  { name: 'created', type: 'datetime', cost: 0 },
  { name: 'pulled', type: 'datetime', cost: 1 },
  { name: 'list', type: 'dynamic', cost: 1 },
  { name: 'bag', type: 'dynamic', cost: 2 },
] as const satisfies (TableColumn & { cost: 0 | 1 | 2 })[];

export type TableRow = Record<(typeof columns)[number]['name'], Value>;

const words = fc.constantFrom('', 'a', 'b', 'ab', 'A b', 'a-b', 'v1', '7');
const row: fc.Arbitrary<TableRow> = fc.record({
  name: words,
  kind: words,
  size: fc.integer({ min: 0, max: 4 }),
  weight: fc.integer({ min: 0, max: 4 }),
  created: fc.integer({ min: 0, max: 9 }),
  pulled: fc.option(fc.integer({ min: 0, max: 9 })),
  list: fc.array(words, { maxLength: 2 }),
  bag: fc.option(
    fc.record({ a: words, 'b c': fc.constantFrom<Value>(1, true, null, ['x'], { y: '1' }) }, { requiredKeys: [] }),
  ) as fc.Arbitrary<Value>,
});
export const arbitraryRows = fc.array(row, { maxLength: 30 });

/** The table in memory, in batches of `size`. What nobody has asked for is not there. */
export function sourceOf(rows: readonly TableRow[], size: number, budget: Pick<Budget, 'spend'>): Source {
  const placeOf = (n: number) => ['r', String(n).padStart(5, '0')];
  return {
    async *read(after): AsyncGenerator<Batch> {
      const start = after ? Number(after[1]) + 1 : 0;
      for (let at = start; at < rows.length; at += size) {
        const some = rows.slice(at, at + size);
        budget.spend(some.length);
        yield {
          rows: some.map((one, n): Row => ({
            place: placeOf(at + n),
            values: columns.map(({ name, cost }) => (cost === 0 ? one[name] : undefined)),
            made: [],
          })),
          through: placeOf(at + some.length - 1),
        };
      }
    },
    costOf: (column) => columns[column]!.cost,
    async load(some, wanted) {
      for (const { place, values } of some)
        for (const column of wanted) values[column] = rows[Number(place![1])]![columns[column]!.name];
    },
  };
}

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { arbitraryQuery } from './arbitrary-query.double.ts';
import { answerOf } from './naive.double.ts';
import { parseQuery } from './parse.ts';
import { planQuery } from './plan.ts';
import { printQuery } from './print-query.double.ts';
import { QueryError } from './query-error.ts';
import { arbitraryRows, columns, sourceOf } from './rows.double.ts';
import { type Page, runQuery } from './run-query.ts';
import { createBudget } from './source.ts';
import { readState, type State } from './state.ts';
import { textOfTime } from './times.ts';
import type { Value } from './values.ts';

// A query has many parts, and some take a millisecond.
const numRuns = Math.ceil(Number(process.env['BONDED_TEST_RUNS'] ?? 10_000) / 10);
const now = 7;

/** Without offsets, which are others in a text that was printed. */
const bare = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, one: unknown) => (key === 'at' ? 0 : one)));

test('a query that is printed is read as the same query', () => {
  fc.assert(
    fc.property(arbitraryQuery, (query) => {
      const text = printQuery(query);
      fc.pre(text.length <= 4096);
      expect(bare(parseQuery(text))).toEqual(bare(query));
    }),
    { numRuns },
  );
});

const words = fc.constantFrom(
  ...'Manifests | where project project-away extend order by asc desc nulls first take top distinct count summarize'.split(
    ' ',
  ),
  ...'== != =~ < ( ) [ ] , . .. - * and or not in !in in~ between has contains matches regex ago now datetime( datetime(2026)'.split(
    ' ',
  ),
  `'x'`,
  '"',
  '7',
  '1d',
  '99999999999999999999',
  'digest',
  'tags',
  "['a']",
  '\\',
  '\0',
  '🙂',
  '{',
  '__proto__',
  'bag',
  'size',
);

test('no text gives anything but a query that can be asked, or a QueryError that says where', async () => {
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.array(words, { maxLength: 40 }).map((all) => `Manifests | where ${all.join(' ')}`),
    fc.array(words, { maxLength: 30 }).map((all) => all.join(' ')),
  );
  await fc.assert(
    fc.asyncProperty(text, async (some) => {
      try {
        const plan = planQuery(parseQuery(some), columns, now);
        const budget = createBudget({ rows: 1000, ms: 60_000 });
        await runQuery(plan, { source: sourceOf([], 5, budget), budget, page: 10, mostCharacters: 1000 });
      } catch (error) {
        if (!(error instanceof QueryError)) throw error;
        expect(error.at).toBeWithin(0, some.length + 1);
        expect(error.message.length).toBeWithin(10, 400);
      }
    }),
    { numRuns },
  );
});

/** As it is answered: without what has no value, and times as texts. */
function shown(row: Record<string, Value>, types: ReadonlyMap<string, string>): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => [name, types.get(name) === 'datetime' ? textOfTime(value as number)! : value]),
  );
}

test('pages of any size, read step by step within any budget, are what the query means', async () => {
  const sizes = fc.record({
    page: fc.integer({ min: 1, max: 12 }),
    batch: fc.integer({ min: 1, max: 12 }),
    budget: fc.integer({ min: 1, max: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(arbitraryQuery, arbitraryRows, sizes, async (query, rows, { page, batch, budget: most }) => {
      const plan = planQuery(query, columns, now);
      const types = new Map([...plan.stages.at(-1)!.columns].map(([name, { type }]) => [name, type]));
      const isStreamed = plan.stages.length === 1;
      const found: Record<string, Value>[] = [];
      let from: State | undefined;
      for (let pages = 0; pages < 200; pages++) {
        const budget = createBudget({ rows: isStreamed ? most : 1000, ms: 60_000 });
        const options = { source: sourceOf(rows, batch, budget), budget, page, mostCharacters: 1_000_000 };
        const answer: Page = await runQuery(planQuery(query, columns, now), { ...options, ...(from && { from }) });
        expect(answer.rows.length).toBeLessThanOrEqual(page);
        found.push(...answer.rows);
        if (!answer.next) break;
        // As it comes back from a client.
        from = readState(JSON.parse(JSON.stringify(answer.next)));
        expect(from).toBeDefined();
      }
      expect(found).toEqual(answerOf(query, rows, now).map((row) => shown(row, types)));
    }),
    { numRuns },
  );
});

import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSource } from './architecture/source.ts';
import { ranks } from './architecture/ranks.ts';

const root = join(import.meta.dir, '..');
const lessons = 62;

/** What is wrong with a table of lessons. `read` gives the text of a file of the repository. */
function problemsOf(table: string, read: (path: string) => string | undefined): string[] {
  const rows = [...table.matchAll(/^\| (\d+) \| (.+?) \| ?(.*?) ?\|$/gm)].map(([, number, title, shown]) => ({
    number: Number(number),
    title,
    shown: shown!,
  }));
  const problems: string[] = [];
  for (let number = 1; number <= lessons; number++) {
    const found = rows.filter((row) => row.number === number).length;
    if (found !== 1) problems.push(`lesson ${number} has ${found} rows`);
  }
  for (const { number, shown } of rows) {
    if (number < 1 || number > lessons) problems.push(`lesson ${number} does not exist`);
    const paths = [...shown.matchAll(/`([^`]+)`/g)].map((found) => found[1]!);
    const open = /\bopen: (\S+)/.exec(shown);
    if (paths.length === 0 && !open) problems.push(`lesson ${number} has neither a test nor an owner`);
    for (const path of paths) {
      const text = read(path);
      if (text === undefined) problems.push(`lesson ${number}: ${path} does not exist`);
      else if (!hasTitle(text, number)) problems.push(`lesson ${number}: no test in ${path} names it`);
    }
    if (open && !ranks.some(([, folders]) => folders.includes(open[1]!))) {
      problems.push(`lesson ${number}: there is no folder ${open[1]}`);
    }
  }
  return problems;
}

/** Whether a test is called `lesson N: …`, or names it among several. */
function hasTitle(text: string, number: number): boolean {
  const { code, literals } = readSource(text);
  return literals.some(
    (literal) =>
      new RegExp(`\\blesson ${number}\\b`).test(literal.text) && /[(:,[]\s*$/.test(code.slice(0, literal.at)),
  );
}

function readFile(path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
}

test('every lesson has a test that names it, or an owner', () => {
  expect(problemsOf(readFile('test/lessons.md')!, readFile)).toEqual([]);
});

test('the check finds what is missing, twice, or points nowhere', () => {
  const row = (number: number, shown: string) => `| ${number} | Something | ${shown} |`;
  const all = Array.from({ length: lessons }, (_, at) => row(at + 1, 'open: identity'));
  const problems = (...changes: [number, string][]) => {
    const rows = [...all];
    for (const [number, text] of changes) rows[number - 1] = text;
    const files: Record<string, string> = {
      'a.test.ts': `// lesson 6\ntest('lesson 7: it works', () => {}); test('lesson 70', () => {});`,
    };
    return problemsOf(rows.join('\n'), (path) => files[path]);
  };
  expect(problems()).toEqual([]);
  expect(problems([7, row(7, '`a.test.ts`')])).toEqual([]);
  expect(problems([7, row(7, '`a.test.ts`; open: tiers')])).toEqual([]);
  expect(problems([3, ''])).toEqual(['lesson 3 has 0 rows']);
  expect(problems([3, `${row(3, 'open: tiers')}\n${row(3, 'open: tiers')}`])).toEqual(['lesson 3 has 2 rows']);
  expect(problems([3, `${row(3, 'open: tiers')}\n${row(63, 'open: tiers')}`])).toEqual(['lesson 63 does not exist']);
  expect(problems([3, row(3, '')])).toEqual(['lesson 3 has neither a test nor an owner']);
  expect(problems([3, row(3, 'open: someone')])).toEqual(['lesson 3: there is no folder someone']);
  expect(problems([3, row(3, '`b.test.ts`')])).toEqual(['lesson 3: b.test.ts does not exist']);
  expect(problems([6, row(6, '`a.test.ts`')])).toEqual(['lesson 6: no test in a.test.ts names it']);
});

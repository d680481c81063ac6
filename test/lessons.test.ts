import { expect, test } from 'bun:test';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSource } from './architecture/source.ts';
import { ranks } from './architecture/ranks.ts';

const root = join(import.meta.dir, '..');
const lessons = 62;
/** Of gates: those of the register of supply chains. */
const mistakes = 13;

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

/** What is wrong with the table of mistakes of gates. */
function mistakesOf(table: string, read: (path: string) => string | undefined): string[] {
  const [, gates = ''] = table.split('\n## Gates\n');
  const rows = [...gates.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].filter(([, title]) => title !== 'mistake');
  const problems = rows.length < mistakes ? [`there are ${rows.length} of ${mistakes} mistakes`] : [];
  for (const [, title, shown] of rows) {
    const paths = [...shown!.matchAll(/`([^`]+)`/g)].map((found) => found[1]!);
    const open = /^open: (\S+)/.exec(shown!);
    if (open ? !ranks.some(([, folders]) => folders.includes(open[1]!)) : paths.length === 0)
      problems.push(`${title} has neither a test nor an owner`);
    for (const path of paths)
      if (!begins(read(path), title!)) problems.push(`${title}: no test in ${path} is called so`);
  }
  return problems;
}

/** Whether the title of a test is a mistake, perhaps with its circumstances, and what is so instead. */
function begins(text: string | undefined, mistake: string): boolean {
  const { code, literals } = readSource(text ?? '');
  return literals.some(({ text: title, at }) => {
    const rest = title.slice(mistake.length);
    return title.startsWith(mistake) && /^(?: \(.*\))?: \S/.test(rest) && /\btest\(\s*$/.test(code.slice(0, at));
  });
}

function readFile(path: string): string | undefined {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
}

test('every lesson has a test that names it, or an owner', () => {
  expect(problemsOf(readFile('test/lessons.md')!, readFile)).toEqual([]);
});

test('every mistake of gates has a test that is called so, or an owner', () => {
  expect(mistakesOf(readFile('test/lessons.md')!, readFile)).toEqual([]);
});

test('the check of mistakes finds what is missing, or shown by nothing', () => {
  const files: Record<string, string> = { 'a.test.ts': `test('late (by far): never', () => {}); // test('soon: x')` };
  const problems = (...rows: string[]) =>
    mistakesOf(`\n## Gates\n\n| mistake | shown by |\n|---|---|\n${rows.join('\n')}`, (path) => files[path]).slice(1);
  expect(problems('| late | `a.test.ts` |', '| other | open: signing |')).toEqual([]);
  expect(problems('| soon | `a.test.ts` |')).toEqual(['soon: no test in a.test.ts is called so']);
  expect(problems('| late | `b.test.ts` |')).toEqual(['late: no test in b.test.ts is called so']);
  expect(problems('| late | some day |', '| late | open: nobody |')).toEqual([
    'late has neither a test nor an owner',
    'late has neither a test nor an owner',
  ]);
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

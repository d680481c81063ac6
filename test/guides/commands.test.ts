import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { root } from '../../src/commands/index.ts';
import { inside } from '../reference-commands.ts';

const folder = join(import.meta.dir, '..', '..');
const pages = ['README.md', ...new Bun.Glob('docs/guides/*.md').scanSync({ cwd: folder })];
const leaves = new Map(
  inside(root, '').flatMap(({ name, target }) => ('getAllEntries' in target ? [] : [[name.trim(), target] as const])),
);
const kebab = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** What a page shows to be typed: lines of its shell blocks that begin with the program, continued ones joined. */
function linesOf(markdown: string): string[] {
  const blocks = [...markdown.matchAll(/^```sh[^\n]*\n(.*?)^```/gms)].map(([, block]) => block!);
  return blocks.flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, ' ')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^(?:bin\/)?bonded /.test(line)),
  );
}

test.each(pages)('%s shows commands and flags that there are', async (page) => {
  for (const line of linesOf(await Bun.file(join(folder, page)).text())) {
    const bare = line.replaceAll(/'[^']*'|"(?:[^"\\]|\\.)*"/g, 'quoted').replace(/(?:\s#|[|<>;&]).*$/, '');
    const words = bare
      .split(/\s+/)
      .slice(1)
      .filter((word) => word !== '');
    const depth = [4, 3, 2, 1].find((count) => leaves.has(nameOf(words.slice(0, count))));
    const asksForHelp = words.includes('--help') || words.includes('--version');
    if (depth === undefined && asksForHelp) continue;
    expect({ line, isCommand: depth !== undefined }).toEqual({ line, isCommand: true });
    const { flags = {} } = leaves.get(nameOf(words.slice(0, depth)))!.parameters;
    const known = new Set([...Object.keys(flags).map(kebab), '--help']);
    const unknown = words.slice(depth).flatMap((word) => /^(--[a-z][a-z-]*)/.exec(word)?.[1] ?? []);
    expect({ line, unknown: unknown.filter((flag) => !known.has(flag)) }).toEqual({ line, unknown: [] });
  }
});

/** By its first name: `bonded registry` is `bonded acr`. */
const nameOf = (words: readonly string[]) =>
  words
    .join(' ')
    .replace(/^registry\b/, 'acr')
    .replace(/^acr private-endpoint(?= |$)/, 'acr private-endpoint-connection');

import { describe, expect, test } from 'bun:test';
import { bonded } from '../../../test/support/command.ts';
import { inside } from '../../../test/reference-commands.ts';
import { root } from '../../commands/index.ts';
import { runInside } from './command-rig.double.ts';
import { manageRoutes } from './index.ts';

const all = inside(root, 'bonded').map((found) => ({ ...found, words: found.name.split(' ').slice(1) }));
const isGroup = ({ target }: (typeof all)[number]) => 'getAllEntries' in target;
const managed = new Set(Object.keys(manageRoutes).map((name) => name.replace('Map', '-map')));
const leaves = all.filter((one) => !isGroup(one));

describe('--help', () => {
  test.each(leaves)('of $name says what it does', async ({ words, target }) => {
    const { code, out, error } = await runInside([...words, '--help']);
    expect([code, error]).toEqual([0, '']);
    expect(out).toStartWith('USAGE\n');
    expect(out).toContain(target.fullDescription ?? target.brief);
    expect(target.brief).toMatch(/^[A-Z].*[^.]$/);
    for (const line of out.split('\n')) expect(line).not.toContain('undefined');
  });

  test.each(all.filter(isGroup))('of $name lists what it holds', async ({ words, target }) => {
    const { code, out } = await runInside([...words, '--help']);
    expect(code).toBe(0);
    if (!('getAllEntries' in target)) throw new Error('no group');
    for (const { name, target: inner } of target.getAllEntries()) {
      expect(out).toContain(`${name['convert-camel-to-kebab']}  `);
      expect(out).toContain(inner.brief);
    }
  });

  test('of the program by bin/bonded', async () => {
    const { code, out } = await bonded(['--help']);
    expect(code).toBe(0);
    for (const name of managed) expect(out).toContain(`  ${name}  `);
  });
});

/** What other programs start. */
const notTyped = new Set(['docker-credential', 'kubelet-credential-provider']);

const examples = leaves
  .filter(({ words }) => !notTyped.has(words[0]!))
  .flatMap(({ name, target, words }) => {
    const lines = target.fullDescription?.split('\nEXAMPLES\n')[1]?.split('\n') ?? [];
    return [{ name, words, lines: lines.map((line) => line.trim()) }];
  });

describe('examples', () => {
  test.each(examples)('of $name are of it, and their flags are its own', ({ name, words, lines }) => {
    expect(lines.length).toBeGreaterThan(0);
    const target = leaves.find((leaf) => leaf.name === name)!.target;
    for (const line of lines) {
      const given = unquoted(line);
      const [program, ...rest] = given;
      expect(program).toBe('bonded');
      // The short roots share their examples with the long ones.
      const named = rest[0] === 'acr' && words[0] !== 'acr' ? ['acr', ...words] : words;
      const wanted = rest[0] !== 'acr' && words[0] === 'acr' ? words.slice(1) : named;
      expect(rest.slice(0, wanted.length)).toEqual(wanted);
      for (const flag of rest.filter((word) => /^--[a-z]/.test(word))) expect(flagsOf(target)).toContain(flag);
    }
  });
});

/** As they are typed. */
function flagsOf(target: (typeof leaves)[number]['target']): string[] {
  const flags = 'parameters' in target ? Object.keys(target.parameters.flags ?? {}) : [];
  return flags.map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

/** The words of a line as a shell reads it, which must leave none of them to the files around. */
function unquoted(line: string): string[] {
  const bare = line.replaceAll(/'[^']*'|"[^"]*"/g, '');
  expect(bare).not.toMatch(/[*?[\]{}$;&]/);
  return [...line.replace(/ > \S+$/, '').matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) =>
    word.replaceAll(/['"]/g, ''),
  );
}

import type { Application } from '@stricli/core';
import type { Context } from '../context.ts';
import { complete, type Completion } from './complete.ts';
import type { Shell } from './scripts.ts';

/**
 * Answers a shell that completes: `bash BREAKS LINE`, or `zsh WORD…` and `fish WORD…` with the words after the name of the
 * program, of which the last is being typed. Ends with 0 whatever happens.
 */
export async function answerShell(
  application: Application<Context>,
  given: readonly string[],
  context: Context,
): Promise<void> {
  const [shell, ...rest] = given as [Shell, ...string[]];
  const [breaks, line] = rest as [string, string];
  const words = shell === 'bash' ? wordsOf(line ?? '').slice(1) : rest;
  const found = await complete(application, words, context).catch((): Completion => []);
  const text = found === 'files' ? ':files' : linesOf(found, shell, partOf(words.at(-1) ?? '', breaks ?? ''));
  if (text !== '') context.write(text);
  // A call that nobody waits for any more would keep the program, and so the shell.
  if (typeof context.process.exit === 'function') context.process.exit(0);
}

function linesOf(found: Exclude<Completion, 'files'>, shell: Shell, cut: string): string {
  const skip = shell === 'bash' ? cut.length : 0;
  const quote = shell === 'bash' ? escaped : (text: string) => text;
  return found.map(({ value, brief }) => `${quote(value.slice(skip))}\t${brief}`).join('\n');
}

/** What bash has set apart of a word already: it replaces what stands behind the last of its breaks. */
function partOf(word: string, breaks: string): string {
  const at = Math.max(...[':', '=', '@'].filter((one) => breaks.includes(one)).map((one) => word.lastIndexOf(one)), -1);
  return word.slice(0, at + 1);
}

const escaped = (text: string) => text.replaceAll(/[^\w@%+=:,./-]/g, String.raw`\$&`);

/**
 * The words of a line as a shell reads it, up to the cursor: quotes and backslashes are taken away, also of a word that is not
 * complete. The last one is empty where the line ends with a blank.
 */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const character = line[at]!;
    if (quote === "'" ? character === quote : quote !== '' && character === quote) quote = '';
    else if (character === '\\' && quote !== "'") word = (word ?? '') + (line[++at] ?? '');
    else if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      word ??= '';
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  return [...words, word ?? ''];
}

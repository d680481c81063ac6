import type { Command, RouteMap } from '@stricli/core';
import type { Context } from '../context.ts';

/*
 * Flags that take several words, as those of `az` do:
 *
 *   --tags team=a stage=test --repository team/app content/read content/write
 *
 * The scanner knows flags of one word. So the words of such a flag are joined into one before it, by a character that is
 * in none of them.
 */

const separator = '\u001f';

/** Reads the words of one flag. Such a flag is `wordsFlag`, and its value a list of lists. */
export function words(text: string): readonly string[] {
  return text.split(separator).filter((word) => word !== '');
}

/** A flag of several words, which may be given several times. */
export const wordsFlag = { kind: 'parsed', parse: words, variadic: true, optional: true } as const;

/** All the words of a flag, however often it was given; undefined where it was not. */
export function allWords(given: readonly (readonly string[])[] | undefined): string[] | undefined {
  return given?.flat();
}

/** Joins the words of flags that take several. */
export function joinWords(root: Command<Context> | RouteMap<Context>, given: readonly string[]): string[] {
  const { target, depth } = commandAt(root, given);
  if (!('parameters' in target)) return [...given];
  const joined = given.slice(0, depth);
  for (let at = depth; at < given.length; at++) {
    const word = given[at]!;
    // What follows is no flag any more.
    if (word === '--') return [...joined, ...given.slice(at)];
    joined.push(word);
    if (!takesWords(target, word)) continue;
    const end = given.findIndex((next, index) => index > at && isFlag(next));
    const own = given.slice(at + 1, end < 0 ? undefined : end);
    if (own.length === 0) continue;
    joined.push(own.join(separator));
    at += own.length;
  }
  return joined;
}

/** The command or group that words lead to, and how many of them do. */
export function commandAt(root: Command<Context> | RouteMap<Context>, given: readonly string[]) {
  let target = root;
  let depth = 0;
  while ('getRoutingTargetForInput' in target) {
    const next = target.getRoutingTargetForInput(camel(given[depth] ?? ''));
    if (!next) break;
    target = next;
    depth++;
  }
  return { target, depth };
}

function takesWords({ parameters: { flags = {}, aliases = {} } }: Command<Context>, word: string): boolean {
  const long = /^--([^=]+)$/.exec(word)?.[1];
  const name = long === undefined ? (aliases as Record<string, string>)[/^-(.)$/.exec(word)?.[1] ?? ''] : camel(long);
  const flag = name === undefined || !Object.hasOwn(flags, name) ? undefined : flags[name];
  return flag?.kind === 'parsed' && flag.parse === words;
}

/** Names of commands and flags as they are declared; people write them with dashes. */
const camel = (word: string) => word.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** A negative number is none, and neither is a lone dash. */
const isFlag = (word: string) => /^--?[A-Za-z]/.test(word) || word === '--';

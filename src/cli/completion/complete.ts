import { type Application, type InputCompletion, proposeCompletions } from '@stricli/core';
import type { Context } from '../context.ts';
import { commandAt, joinWords } from '../manage/words.ts';
import { shown } from '../output/shown.ts';

/** How long somebody who has pressed Tab waits for a server (ms). */
const patienceMs = 1500;

/** What a word may become; `files`: the shell knows better. */
export type Completion = readonly Proposal[] | 'files';

export interface Proposal {
  value: string;
  brief: string;
}

/**
 * What the last of the words may become. Nothing is thrown and nothing is written; what a server does not say in time is left
 * out.
 */
export async function complete(
  application: Application<Context>,
  words: readonly string[],
  context: Context,
): Promise<Completion> {
  const partial = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const [, flag, value] = /^(--[a-z][a-z-]*)=(.*)$/s.exec(partial) ?? [];
  if (flag !== undefined) {
    const found = await complete(application, [...before, flag, value!], context);
    return found === 'files' ? found : found.map((one) => ({ ...one, value: `${flag}=${one.value}` }));
  }
  if (wantsFile(application, before)) return 'files';
  const asked = proposeCompletions(
    application,
    [...joinWords(application.root, before), partial],
    silent(context, before),
  );
  const late = Promise.withResolvers<readonly InputCompletion[]>();
  const timer = setTimeout(() => late.resolve([]), patienceMs);
  const found = await Promise.race([asked.catch(() => []), late.promise]);
  clearTimeout(timer);
  return kept(application, before, partial, found);
}

/** Flags that are not for people, and what would hide the values that are meant, are left out. */
function kept(
  application: Application<Context>,
  before: readonly string[],
  partial: string,
  found: readonly InputCompletion[],
): Proposal[] {
  const hidden = new Set(hiddenFlags(application, before));
  const seen = new Map<string, string>();
  const hasValues = found.some(({ kind }) => kind !== 'argument:flag');
  for (const { kind, completion, brief } of found) {
    const isFlag = kind === 'argument:flag';
    if (isFlag && (hidden.has(completion) || completion === '--' || (hasValues && partial === ''))) continue;
    // A shell takes a line for one candidate.
    if (completion === shown(completion)) seen.set(completion, seen.get(completion) ?? brief);
  }
  return [...seen].map(([value, brief]) => ({ value, brief: shown(brief) }));
}

function hiddenFlags(application: Application<Context>, before: readonly string[]): string[] {
  const { flags, aliases } = parametersAt(application, before);
  const names = Object.keys(flags).filter((name) => flags[name]!.hidden);
  return [
    ...names.map((name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`),
    ...Object.keys(aliases).flatMap((letter) => (names.includes(aliases[letter]!) ? [`-${letter}`] : [])),
  ];
}

/** Whether the word before is a flag whose value is a file. */
function wantsFile(application: Application<Context>, before: readonly string[]): boolean {
  const { flags, aliases } = parametersAt(application, before);
  const word = before.at(-1) ?? '';
  const long = /^--([a-z][a-z-]*)$/.exec(word)?.[1];
  const name = long?.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()) ?? aliases[word.slice(1)];
  const placeholder = name !== undefined && Object.hasOwn(flags, name) ? (flags[name]!.placeholder ?? '') : '';
  return /\b(?:file|dir|path)\b/.test(placeholder);
}

interface Parameters {
  flags: Readonly<Record<string, { hidden?: boolean; placeholder?: string }>>;
  aliases: Readonly<Record<string, string>>;
}

function parametersAt({ root }: Application<Context>, before: readonly string[]): Parameters {
  const { target } = commandAt(root, before);
  const { flags = {}, aliases = {} } = 'parameters' in target ? target.parameters : {};
  return { flags, aliases };
}

/** The same surroundings, where nothing is said and nobody can be asked. */
function silent(context: Context, typed: readonly string[]): Context {
  const nowhere = { isTTY: false, write: () => true };
  const process = Object.create(context.process, {
    stderr: { value: nowhere },
    stdin: { value: { isTTY: false } },
  }) as Context['process'];
  return { ...context, process, typed };
}

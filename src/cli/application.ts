import { type Application, buildApplication, ExitCode, type RouteMap, run } from '@stricli/core';
import { answerShell } from './completion/answer-shell.ts';
import { completeWord } from './completion/scripts.ts';
import type { Context } from './context.ts';
import { exitCodeOf, exitCodes } from './failure.ts';
import { joinWords } from './manage/words.ts';
import { text } from './text.ts';

/** The program of a tree of commands. */
export function createApplication(root: RouteMap<Context>, currentVersion: string): Application<Context> {
  return buildApplication(root, {
    name: 'bonded',
    versionInfo: { currentVersion },
    scanner: { caseStyle: 'allow-kebab-for-camel' },
    documentation: { caseStyle: 'convert-camel-to-kebab', onlyRequiredInUsageLine: true },
    localization: { text },
    determineExitCode: exitCodeOf,
  });
}

/** Runs the command that the words name. The exit code is that of `exitCodes`. */
export async function runCommand(
  application: Application<Context>,
  words: readonly string[],
  context: Context,
): Promise<void> {
  if (words[0] === completeWord) return answerShell(application, words.slice(1), context);
  await run(application, joinWords(application.root, words), context);
  const { process } = context;
  // A process keeps the last eight bits of what it is told.
  const misunderstood = [ExitCode.InvalidArgument, ExitCode.UnknownCommand].map((code) => code & 0xff);
  if (misunderstood.includes(Number(process.exitCode) & 0xff)) process.exitCode = exitCodes.usage;
}

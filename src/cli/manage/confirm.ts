import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import type { ConfirmFlag } from './flags.ts';

/** Of images: most registries do not, and whoever deletes need not be able to see whether this one does (acr §4.6). */
export const unlessKept = 'cannot be undone, unless the registry keeps what is deleted';

/** Asks before something is taken away. Throws where nobody can answer, or the answer is no. */
export async function confirm(
  { context }: { context: Context },
  { yes }: ConfirmFlag,
  what: string,
  how = 'cannot be undone',
): Promise<void> {
  if (yes) return;
  const { stdin, stderr } = context.process;
  if (!stdin.isTTY || !stderr.isTTY) throw new UsageError(`${what} ${how}; --yes says that it is meant`);
  const { confirm: ask } = await import('@clack/prompts');
  // Standard output is for what the command prints.
  const answer = await ask({
    message: `${what} ${how}. Go on?`,
    initialValue: false,
    input: stdin,
    output: stderr,
  });
  if (answer !== true) throw new Error('nothing was done');
}

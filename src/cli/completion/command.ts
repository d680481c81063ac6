import { buildCommand } from '@stricli/core';
import type { Context } from '../context.ts';
import { describe } from '../describe.ts';
import { type Shell, scripts } from './scripts.ts';

const shells = Object.keys(scripts) as Shell[];

export const completion = buildCommand<object, [Shell], Context>({
  docs: {
    brief: 'Print the script by which a shell completes commands',
    fullDescription: describe(
      'Prints a script for bash, zsh or fish, which completes commands, flags and values: registries, repositories and tags, ' +
        'too, where the server says them quickly. For bash put source <(bonded completion bash) into ~/.bashrc, for zsh source ' +
        '<(bonded completion zsh) into ~/.zshrc after compinit, for fish the output into ~/.config/fish/completions/bonded.fish.',
      ['completion bash', 'completion fish > ~/.config/fish/completions/bonded.fish'],
    ),
  },
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: shellOf, placeholder: shells.join('|'), brief: 'Which shell', proposeCompletions: () => shells },
      ],
    },
  },
  func(_, shell) {
    this.process.stdout.write(scripts[shell]);
  },
});

function shellOf(text: string): Shell {
  const found = shells.find((shell) => shell === text);
  if (found !== undefined) return found;
  throw new Error(`it is one of ${shells.join(', ')}`);
}

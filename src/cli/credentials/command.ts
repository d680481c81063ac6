import { buildCommand } from '@stricli/core';
import type { Context } from '../context.ts';
import type { Verb } from './answer-client.ts';
import { describe } from '../describe.ts';

const known: readonly string[] = ['get', 'store', 'erase', 'list', 'version'] satisfies Verb[];

/** What clients start as `docker-credential-bonded`. */
export const dockerCredential = buildCommand<object, [Verb], Context>({
  docs: {
    brief: 'Give tokens to clients: the protocol of docker-credential-helpers',
    fullDescription: describe(
      'docker, podman, skopeo, crane, oras and helm start this as docker-credential-bonded, where `bonded login` has told ' +
        'them to. Each `get` proves anew who you are, so that no password is stored.',
    ),
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [{ parse: verbOf, brief: known.join(', '), placeholder: 'verb' }] },
  },
  async func(_, verb) {
    const { helpClient } = await import('./answer-client.ts');
    if (!(await helpClient(this, verb))) this.process.exitCode = 1;
  },
});

function verbOf(text: string): Verb {
  if (known.includes(text)) return text as Verb;
  throw new Error(`${text} is not one of ${known.join(', ')}`);
}

import { buildCommand, type TypedPositionalParameter } from '@stricli/core';
import type { Context } from '../context.ts';
import { editJson } from '../credentials/json-file.ts';
import { placesOf } from '../credentials/places.ts';
import { defaultOf, defaults, type DefaultKey, type FoundDefault } from '../defaults.ts';
import { describe } from '../describe.ts';
import { notFound, UsageError } from '../failure.ts';
import { type Columns, outputAliases, type OutputFlags, outputFlags, print } from '../output/index.ts';

/** What `az config` calls them. */
const otherNames: Readonly<Record<string, DefaultKey>> = { 'defaults.acr': 'registry', 'core.output': 'output' };

const keys = defaults.map(({ key }) => key);
const columns: Columns = { Key: 'key', Value: 'value', Source: 'source', Variable: 'variable', Meaning: 'meaning' };

const words = (word: TypedPositionalParameter<string, Context>) =>
  ({ kind: 'array', minimum: 1, parameter: word }) as const;
const key = {
  parse: String,
  placeholder: 'key',
  brief: keys.join(', '),
  proposeCompletions: () => keys,
} as const;

export const setDefaults = buildCommand<object, string[], Context>({
  docs: {
    brief: 'Set what commands take where no flag says otherwise',
    fullDescription: describe(
      'Sets defaults of the commands of this user: the server, the registry, how to print, whether progress is shown. They are ' +
        'kept in bonded/defaults.json below $XDG_CONFIG_HOME or ~/.config; a variable of the environment goes before them, a ' +
        'flag before both. The names of az, defaults.acr and core.output, are understood.',
      ['config set server=registry.example.com', 'config set registry=teamb output=table'],
    ),
  },
  parameters: {
    positional: words({
      parse: String,
      placeholder: 'key=value',
      brief: `One of ${keys.join(', ')}, and its value`,
      proposeCompletions: () => keys.map((name) => `${name}=`),
    }),
  },
  async func(_, ...given) {
    const wanted = given.map(settingOf);
    await editJson(placesOf(this.environment).defaults, (json) => Object.assign(json, Object.fromEntries(wanted)));
  },
});

export const unsetDefaults = buildCommand<object, string[], Context>({
  docs: {
    brief: 'Forget defaults of commands',
    fullDescription: describe('Forgets what bonded config set has kept under these names.', [
      'config unset registry output',
    ]),
  },
  parameters: { positional: words(key) },
  async func(_, ...given) {
    const gone = given.map(keyOf);
    await editJson(placesOf(this.environment).defaults, (json) => {
      for (const name of gone) delete json[name];
    });
  },
});

export const getDefault = buildCommand<object, [string], Context>({
  docs: {
    brief: 'Print a default of commands',
    fullDescription: describe('Prints the value alone. The exit code is 3 where there is none.', ['config get server']),
  },
  parameters: { positional: { kind: 'tuple', parameters: [key] } },
  func(_, name) {
    const wanted = keyOf(name);
    const found = defaultOf(this, wanted);
    if (!found) throw notFound(`${wanted} is not set; bonded config set ${wanted}=… sets it`);
    this.write(found.value);
  },
});

export const listDefaults = buildCommand<OutputFlags, [], Context>({
  docs: {
    brief: 'List the defaults of commands, and where each is said',
    fullDescription: describe('Lists what can be set, what it is now, and by which variable or file.', [
      'config list -o table',
    ]),
  },
  parameters: { flags: outputFlags, aliases: outputAliases },
  func(flags) {
    const rows = defaults.map(({ key: name, brief, variable }) => {
      const { value = null, source = null }: Partial<Record<keyof FoundDefault, string | null>> =
        defaultOf(this, name) ?? {};
      return { key: name, value, source, variable, meaning: brief };
    });
    print(this, rows, { output: flags.output, query: flags.query, columns });
  },
});

function keyOf(text: string): DefaultKey {
  const name = otherNames[text] ?? text;
  const found = keys.find((one) => one === name);
  if (found !== undefined) return found;
  throw new UsageError(`there is no default ${JSON.stringify(text)}; there are ${keys.join(', ')}`);
}

function settingOf(text: string): [DefaultKey, string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new UsageError(`${JSON.stringify(text)} is no KEY=VALUE`);
  const name = keyOf(text.slice(0, at));
  const value = text.slice(at + 1);
  try {
    defaults.find(({ key: one }) => one === name)!.check(value);
  } catch (error) {
    throw new UsageError(`${name} cannot be ${JSON.stringify(value)}: ${(error as Error).message}`);
  }
  return [name, value];
}

import { proposeImages, proposeRegistries, proposeRepositories, registryFlags } from '../../completion/propose.ts';
import { type Aliases, buildCommand, type Command, type FlagParametersForType } from '@stricli/core';
import { type ContentConnection, connectContent } from '../../content/index.ts';
import type { Context } from '../../context.ts';
import { describe } from '../../describe.ts';
import { UsageError } from '../../failure.ts';
import { type Columns, print } from '../../output/index.ts';
import { requireGroup } from '../command.ts';
import { commonAliases, type CommonFlags, commonFlags, textFlag } from '../flags.ts';

/** Which registry, and as whom. */
interface TargetFlags {
  registry?: string;
  /** The same, where `az` calls it so; in some groups it is a repository or an image. */
  name?: string;
  username?: string;
  password?: string;
}

const targetFlags = {
  registry: {
    ...textFlag,
    placeholder: 'name|host',
    brief: 'Registry, or its login server (default: the one of the server)',
    proposeCompletions: proposeRegistries,
  },
  username: {
    ...textFlag,
    placeholder: 'name',
    brief: 'Token of the registry or its admin user (default: your login)',
  },
  password: { ...textFlag, placeholder: 'text', brief: 'Its password; better in $BONDED_PASSWORD' },
} as const;

const registryAsName = {
  name: {
    ...textFlag,
    placeholder: 'name|host',
    brief: 'The same as --registry, in the words of az',
    proposeCompletions: proposeRegistries,
  },
} as const;

const targetAliases = { r: 'registry', n: 'name', u: 'username', p: 'password' } as const;

export interface ContentCommand<Flags extends object> {
  /** One line, for lists of commands. */
  brief: string;
  /** What else is to be known. */
  details?: string;
  /** What comes after `bonded `, each as it is typed. */
  examples: readonly string[];
  flags: FlagParametersForType<Flags, Context>;
  aliases?: Aliases<keyof Flags & string>;
  /** Of tables. */
  columns?: Columns | ((flags: Flags) => Columns);
  /** What of the value tables and TSV have; default: all of it. */
  rows?(value: unknown): unknown;
  /** Does it; what it resolves with is printed, undefined is not. */
  run(connection: ContentConnection, flags: Flags): Promise<unknown>;
}

/** A command about the content of a registry, which speaks to its data plane and prints what that answers. */
export function contentCommand<Flags extends object>(options: ContentCommand<Flags>): Command<Context> {
  return build<Flags>(options, {
    flags: registryAsName,
    locate: ({ registry, name }) => ({ registry: registry ?? name }),
  });
}

/** What is in a repository, as `az acr manifest` names it: `-r REGISTRY -n REPOSITORY…`, or `LOGIN_SERVER/REPOSITORY…`. */
export interface PlacedFlags {
  name: string;
}

/** The same, of the commands that take a place in a registry. `what` says what that is, such as `repository:tag`. */
export function placedCommand<Flags extends PlacedFlags>(
  what: string,
  options: Omit<ContentCommand<Flags>, 'flags'> & { flags: FlagParametersForType<Omit<Flags, 'name'>, Context> },
): Command<Context> {
  const propose = what.includes(':') ? proposeImages : proposeRepositories;
  const name = {
    ...textFlag,
    placeholder: what,
    brief: 'What it is about in the registry',
    proposeCompletions: propose(registryFlags.beside),
  } as const;
  return build<Flags>(options, { flags: { name }, place: `host/${what}`, locate: placeIn });
}

interface Located {
  registry: string | undefined;
  name?: string;
}

function placeIn({ registry, name }: TargetFlags, id: string | undefined): Located {
  if (id === undefined) {
    if (name === undefined) throw new UsageError('say which, by --name or as LOGIN_SERVER/REPOSITORY');
    return { registry, name };
  }
  if (registry !== undefined || name !== undefined) throw new UsageError(`${id} and --registry or --name say the same`);
  const slash = id.indexOf('/');
  // As of images: what has neither is the first part of a name.
  const isHost = slash > 0 && (/[.:]/.test(id.slice(0, slash)) || id.startsWith('localhost/'));
  return isHost ? { registry: id.slice(0, slash), name: id.slice(slash + 1) } : { registry, name: id };
}

interface Target {
  flags: object;
  /** What a word without a flag is; undefined: there is none. */
  place?: string;
  locate(flags: TargetFlags, id: string | undefined): Located;
}

function build<Flags extends object>(
  options: Omit<ContentCommand<Flags>, 'flags'> & { flags: object },
  target: Target,
): Command<Context> {
  const { brief, details, examples, columns, rows, run } = options;
  const parameters = {
    flags: { ...options.flags, ...target.flags, ...targetFlags, ...commonFlags },
    aliases: { ...options.aliases, ...targetAliases, ...commonAliases },
    ...(target.place && { positional: positional(target.place) }),
  };
  return buildCommand<CommonFlags & TargetFlags & Flags, [string?], Context>({
    docs: { brief, fullDescription: describe(details ?? `${brief}.`, examples) },
    // The sum of several types of flags is more than the compiler can follow.
    parameters: parameters as never,
    async func(flags, id) {
      requireGroup(flags);
      const { server, username, password, output, query } = flags;
      const { registry, ...place } = target.locate(flags, id);
      const connection = await connectContent(this, { server, registry, username, password });
      const given = { ...flags, ...place };
      const value = await run(connection, given);
      const shown = typeof columns === 'function' ? columns(given) : columns;
      print(this, value, { output, query, ...(shown && { columns: shown }), ...(rows && { rows }) });
    },
  });
}

const positional = (placeholder: string) =>
  ({
    kind: 'tuple',
    parameters: [{ parse: String, optional: true, placeholder, brief: 'The same in one word' }],
  }) as const;

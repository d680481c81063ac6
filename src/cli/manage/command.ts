import { type Aliases, buildCommand, type Command, type FlagParametersForType } from '@stricli/core';
import { resourceGroup } from '../../operations/index.ts';
import type { Context } from '../context.ts';
import { describe } from '../describe.ts';
import { UsageError } from '../failure.ts';
import { type Columns, print } from '../output/index.ts';
import { type Connection, connect } from './connect.ts';
import { commonAliases, type CommonFlags, commonFlags } from './flags.ts';

export interface ManageCommand<Flags extends object> {
  /** One line, for lists of commands. */
  brief: string;
  /** What else is to be known. */
  details?: string;
  /** What comes after `bonded `, each as it is typed. */
  examples: readonly string[];
  flags: FlagParametersForType<Flags, Context>;
  aliases?: Aliases<keyof Flags & string>;
  /** Of tables. */
  columns?: Columns;
  /** Writes for people what would be no table. */
  report?(value: unknown): string;
  /** Does it; what it resolves with is printed, undefined is not. */
  run(connection: Connection, flags: Flags): Promise<unknown>;
}

/** There is one resource group. Throws UsageError for another one. */
export function requireGroup({ resourceGroup: named }: CommonFlags): void {
  if (named === undefined || named.toLowerCase() === resourceGroup) return;
  throw new UsageError(`--resource-group: there is one, called ${resourceGroup}; leave it out`);
}

/** A command that speaks to the management API and prints what it answers. */
export function manageCommand<Flags extends object>(options: ManageCommand<Flags>): Command<Context> {
  const { brief, details, examples, columns, report, run } = options;
  const parameters = {
    flags: { ...options.flags, ...commonFlags },
    aliases: { ...options.aliases, ...commonAliases },
  };
  return buildCommand<CommonFlags & Flags, [], Context>({
    docs: { brief, fullDescription: describe(details ?? `${brief}.`, examples) },
    // The sum of two types of flags is more than the compiler can follow.
    parameters: parameters as never,
    async func(flags) {
      requireGroup(flags);
      using connection = await connect(this, flags.server);
      const value = await run(connection, flags);
      print(this, value, {
        output: flags.output,
        query: flags.query,
        ...(columns && { columns }),
        ...(report && { report }),
      });
    },
  });
}

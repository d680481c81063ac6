import { buildCommand, type Command, type FlagParametersForType } from '@stricli/core';
import { ManagementClientError } from '../../../operations/index.ts';
import { tagType } from '../../../registries/index.ts';
import type { Digest } from '../../../oci/index.ts';
import { imageOf } from '../../content/index.ts';
import type { Context } from '../../context.ts';
import { describe } from '../../describe.ts';
import { notFound } from '../../failure.ts';
import { type Columns, print } from '../../output/index.ts';
import { requireGroup } from '../command.ts';
import { type Connection, connect } from '../connect.ts';
import { commonAliases, type CommonFlags, commonFlags, registryFlag, type RegistryFlag } from '../flags.ts';

/** An image, by where it is. */
export interface NamedImage {
  registry: string;
  repository: string;
  digest: Digest;
  /** As it was written. */
  name: string;
}

export interface ImageCommand<Flags extends object> {
  brief: string;
  details: string;
  examples: readonly string[];
  flags?: FlagParametersForType<Flags, Context>;
  columns?: Columns;
  /** Writes for people what would be no table. */
  report?(value: unknown): string;
  /** What it resolves with is printed; undefined is not. */
  run(connection: Connection, image: NamedImage, flags: Flags & CommonFlags): Promise<unknown>;
}

/** A command about one image: REPOSITORY:TAG or REPOSITORY@DIGEST. */
export function imageCommand<Flags extends object>(options: ImageCommand<Flags>): Command<Context> {
  const { brief, details, examples, flags, columns, report, run } = options;
  return buildCommand<CommonFlags & RegistryFlag & Flags, [string], Context>({
    docs: { brief, fullDescription: describe(details, examples) },
    // The sum of two types of flags is more than the compiler can follow.
    parameters: {
      flags: { ...flags, ...registryFlag, ...commonFlags },
      aliases: { r: 'registry', ...commonAliases },
      positional: {
        kind: 'tuple',
        parameters: [{ parse: String, placeholder: 'image', brief: 'REPOSITORY:TAG or REPOSITORY@DIGEST' }],
      },
    } as never,
    async func(given, text) {
      requireGroup(given);
      const { repository, tag, digest, name } = imageOf('the image', text);
      using connection = await connect(this, given.server);
      const registry = await connection.registry(given.registry);
      const value = await inWords(`${repository}${digest === undefined ? `:${tag}` : `@${digest}`}`, async () => {
        const found = digest ?? (await digestOf(connection, [registry, repository, tag!]));
        return run(connection, { registry, repository, digest: found, name }, given);
      });
      print(this, value, {
        output: given.output,
        query: given.query,
        ...(columns && { columns }),
        ...(report && { report }),
      });
    },
  });
}

/** What is asked of an image that is not there, in the words of who has named it. */
async function inWords<T>(image: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const isMissing = error instanceof ManagementClientError && error.status === 404;
    throw isMissing && error.message.startsWith('the resource /')
      ? notFound(`there is no ${image} in this registry`)
      : error;
  }
}

async function digestOf({ client }: Connection, at: readonly string[]): Promise<Digest> {
  const { properties } = await client.get(tagType, at);
  return (properties as unknown as { digest: Digest }).digest;
}

/** Where the scan of an image is. */
export const scanAt = ({ registry, repository, digest }: NamedImage): string[] => [
  registry,
  repository,
  digest,
  'latest',
];

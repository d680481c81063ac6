import { z } from 'zod';
import type { ResourceType } from '../../operations/index.ts';
import type { Context } from '../context.ts';

/*
 * Values that only a server knows, for whoever presses Tab. What fails proposes nothing: the command itself says why, once it
 * is run. `complete.ts` sees to it that nobody waits for long.
 */

/** Proposes what a flag or a word may be. */
export type Propose = (this: Context, partial: string) => Promise<string[]>;

/** Names of a page; more than that nobody looks through. */
const most = 200;

/** Flags by which a registry is named, in most groups and in those where a name is that of something in it. */
export const registryFlags = { usual: ['--registry', '-r', '--name', '-n'], beside: ['--registry', '-r'] } as const;

/** What was typed for a flag, the last time. */
function typedFor(context: Context, flags: readonly string[]): string | undefined {
  const words = context.typed ?? [];
  for (let at = words.length - 1; at >= 0; at--) {
    const [name, value] = words[at]!.split(/=(.*)/s, 2);
    if (!flags.includes(name!)) continue;
    return value ?? words[at + 1];
  }
  return undefined;
}

async function connectTo(context: Context, flags: readonly string[]) {
  const { connectContent } = await import('../content/index.ts');
  return connectContent(context, {
    server: typedFor(context, ['--server']),
    registry: typedFor(context, flags),
    username: typedFor(context, ['--username', '-u']),
    password: typedFor(context, ['--password', '-p']),
  });
}

/** Names of registries. */
export const proposeRegistries: Propose = async function () {
  const { registryType } = await import('../../registries/index.ts');
  return namesOf(this, registryType);
};

type IdentityTypes = 'identityType' | 'trustedIssuerType' | 'tokenType' | 'scopeMapType';

/** Names of resources in the group. */
function proposeResources(type: IdentityTypes): Propose {
  return async function () {
    return namesOf(this, (await import('../../identity/index.ts'))[type]);
  };
}

export const proposeIdentities = proposeResources('identityType');
export const proposeIssuers = proposeResources('trustedIssuerType');

/** Names of resources in a registry. */
function proposeInRegistry(type: IdentityTypes): Propose {
  return async function () {
    const types = await import('../../identity/index.ts');
    const connection = await managementOf(this);
    const registry = await connection.registry(typedFor(this, registryFlags.beside));
    return (await connection.client.list<ResourceType>(types[type], [registry])).map(({ name }) => name);
  };
}

export const proposeTokens = proposeInRegistry('tokenType');
export const proposeScopeMaps = proposeInRegistry('scopeMapType');

async function namesOf(context: Context, type: ResourceType): Promise<string[]> {
  const { client } = await managementOf(context);
  return (await client.list(type)).map(({ name }) => name);
}

async function managementOf(context: Context) {
  const { connect } = await import('../manage/connect.ts');
  return connect(context, typedFor(context, ['--server']));
}

/** Names of repositories. */
export function proposeRepositories(flags: readonly string[] = registryFlags.usual): Propose {
  return async function (partial) {
    const { client } = await connectTo(this, flags);
    const { catalogScope } = await import('../content/index.ts');
    return client.all('/acr/v1/_catalog', {
      scope: catalogScope,
      field: 'repositories',
      item: z.string(),
      query: { last: before(partial) },
      top: most,
      pageSize: most,
    });
  };
}

/** Repositories, and after the colon their tags. */
export function proposeImages(flags: readonly string[] = registryFlags.usual): Propose {
  return async function (partial) {
    const colon = partial.indexOf(':');
    if (colon < 0) return (await proposeRepositories(flags).call(this, partial)).map((name) => `${name}:`);
    const { repositoryOf, repositoryScope, tagAttributes } = await import('../content/index.ts');
    const repository = repositoryOf('image', partial.slice(0, colon));
    const { client } = await connectTo(this, flags);
    const tags = await client.all(`/acr/v1/${repository}/_tags`, {
      scope: repositoryScope(repository, 'metadata_read'),
      field: 'tags',
      item: tagAttributes,
      query: { last: before(partial.slice(colon + 1)) },
      top: most,
      pageSize: most,
    });
    return tags.map(({ name }) => `${repository}:${name}`);
  };
}

/** A text that comes just before all that begin with another one, in the order of bytes. */
function before(partial: string): string {
  const last = partial.at(-1);
  // What names consist of comes before the tilde.
  return last === undefined ? '' : `${partial.slice(0, -1)}${String.fromCharCode(last.charCodeAt(0) - 1)}~`;
}

import { proposeScopeMaps, proposeTokens } from '../../completion/propose.ts';
import { scopeMapType, tokenType } from '../../../identity/index.ts';
import { idOf } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import type { Connection } from '../connect.ts';
import { existing } from '../existing.ts';
import { type NameFlag, registryFlag, type RegistryFlag, requiredText, textFlag } from '../flags.ts';
import { namedCommands } from '../named-commands.ts';
import { wordsFlag } from '../words.ts';
import { type ExpiryFlags, expiryFlags, expiryOf } from './expiry.ts';
import { newTokenColumns, tokenColumns as columns, tokenOf } from './present.ts';
import { actionsOf } from './repositories.ts';

type Named = NameFlag & RegistryFlag;
interface Settings {
  scopeMap?: string;
  status?: 'enabled' | 'disabled';
}

const name = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Token; its user name, too',
  proposeCompletions: proposeTokens,
} as const;
const flags = { name, ...registryFlag };
const aliases = { n: 'name', r: 'registry' } as const;
const settings = {
  scopeMap: {
    ...textFlag,
    placeholder: 'name',
    brief: 'Scope map that says what it may do',
    proposeCompletions: proposeScopeMaps,
  },
  status: { kind: 'enum', values: ['enabled', 'disabled'], optional: true, brief: 'A disabled token can do nothing' },
} as const;

export const namedTokens = namedCommands({
  type: tokenType,
  name,
  columns,
  present: (token) => tokenOf(token),
  list: {
    brief: 'List the tokens of a registry',
    examples: ['acr token list --registry teamb', `acr token list --query "[?status=='disabled'].name" -o tsv`],
  },
  show: {
    brief: 'Show a token',
    details: 'Shows a token, with when its passwords end and were used, never the passwords.',
    examples: ['acr token show --name ci-legacy'],
  },
  remove: {
    brief: 'Delete a token with its passwords',
    examples: ['acr token delete --name ci-legacy --yes'],
    asks: (token) => `deleting the token ${token}`,
  },
});

type Creation = Named & Settings & ExpiryFlags & { repository?: (readonly string[])[]; noPasswords: boolean };

export const createToken = manageCommand<Creation>({
  brief: 'Create a repository-scoped token with passwords',
  details:
    'Creates a token for somebody without an identity, and two passwords for it, which are shown this once. What it may do ' +
    'says a scope map, or --repository, for which a scope map is made. One that is there already keeps its passwords and its status.',
  examples: [
    'acr token create --name ci-legacy --repository team/app content/read --expiration-in-days 30',
    'acr token create --name puller --scope-map _repositories_pull --no-passwords',
  ],
  flags: {
    ...flags,
    ...settings,
    repository: { ...wordsFlag, placeholder: 'repository action…', brief: 'A repository and what may be done in it' },
    noPasswords: { kind: 'boolean', default: false, withNegated: false, brief: 'Make no passwords' },
    ...expiryFlags,
  },
  aliases,
  columns: newTokenColumns,
  async run(connection, given) {
    const { client, note } = connection;
    const registry = await connection.registry(given.registry);
    const expiry = expiryOf(given, Date.now());
    // Before its scope map is made, which would be left over.
    const { pattern, says } = tokenType.name;
    if (!pattern.test(given.name)) throw new UsageError(`--name: the name of a token has ${says}`);
    const scopeMapId = await scopeMapFor(connection, registry, given);
    const at = [registry, given.name];
    const before = await existing(client, tokenType, at);
    // Who creates it again does not mean to enable what somebody has disabled.
    const status = given.status ?? before?.properties.status;
    const properties = { scopeMapId, ...(status && { status }) };
    const token = await client.put(tokenType, at, { properties });
    if (given.noPasswords) return tokenOf(token);
    if (before) {
      note(
        `${token.name} was there already and keeps its passwords; bonded acr token credential generate makes others.`,
      );
      return tokenOf(token);
    }
    const { generateCredentials } = registryType.actions;
    const input = { tokenId: token.id, ...(expiry !== undefined && { expiry }) };
    const { passwords } = await client.action(registryType, generateCredentials, [registry], input);
    note('The passwords are shown this once; keep them where they are safe.');
    return tokenOf(token, passwords);
  },
});

/** The scope map that is named, or the one that is made for what is asked. */
async function scopeMapFor({ client }: Connection, registry: string, given: Creation): Promise<string> {
  const { name: token, scopeMap, repository } = given;
  if ((scopeMap === undefined) === (repository === undefined)) {
    throw new UsageError(
      'give one of --scope-map NAME and --repository REPOSITORY ACTION…: it says what the token may do',
    );
  }
  if (scopeMap !== undefined) return idOf(scopeMapType, [registry, scopeMap]);
  const properties = { actions: actionsOf('--repository', repository), description: `What the token ${token} may do` };
  // As az calls it.
  return (await client.put(scopeMapType, [registry, `${token}-scope-map`], { properties })).id;
}

export const updateToken = manageCommand<Named & Settings>({
  brief: 'Give a token another scope map, or disable it',
  examples: ['acr token update --name ci-legacy --status disabled'],
  flags: { ...flags, ...settings },
  aliases,
  columns,
  async run({ client, registry }, given) {
    const at = await registry(given.registry);
    const patch = {
      ...(given.scopeMap !== undefined && { scopeMapId: idOf(scopeMapType, [at, given.scopeMap]) }),
      ...(given.status && { status: given.status }),
    };
    return tokenOf(await client.patch(tokenType, [at, given.name], { properties: patch }));
  },
});

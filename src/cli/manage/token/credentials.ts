import { proposeTokens } from '../../completion/propose.ts';
import { buildRouteMap } from '@stricli/core';
import { tokenType } from '../../../identity/index.ts';
import { idOf } from '../../../operations/index.ts';
import { registryType } from '../../../registries/index.ts';
import { UsageError } from '../../failure.ts';
import { manageCommand } from '../command.ts';
import { confirm } from '../confirm.ts';
import {
  confirmFlag,
  type ConfirmFlag,
  type NameFlag,
  registryFlag,
  type RegistryFlag,
  requiredText,
} from '../flags.ts';
import { type ExpiryFlags, expiryFlags, expiryOf } from './expiry.ts';
import { passwordColumns, passwordsOf, tokenColumns, tokenOf } from './present.ts';

type Chosen = NameFlag & RegistryFlag & { password1: boolean; password2: boolean };

const one = { kind: 'boolean', default: false, withNegated: false } as const;
const flags = {
  name: { ...requiredText, placeholder: 'name', brief: 'Token', proposeCompletions: proposeTokens },
  ...registryFlag,
  password1: { ...one, brief: 'The first one' },
  password2: { ...one, brief: 'The second one' },
} as const;
const aliases = { n: 'name', r: 'registry' } as const;

const generate = manageCommand<Chosen & ExpiryFlags>({
  brief: 'Make passwords of a token, and show them',
  details:
    'Makes the named passwords anew, or both where none is named, and shows them this once. The ones before are no longer ' +
    'accepted: there are two so that one can be replaced while the other is in use.',
  examples: ['acr token credential generate --name ci-legacy --password2 --expiration-in-days 30'],
  flags: { ...flags, ...expiryFlags },
  aliases,
  columns: passwordColumns,
  async run({ client, registry }, given) {
    const at = await registry(given.registry);
    const expiry = expiryOf(given, Date.now());
    const { password1, password2 } = given;
    const slot = password1 === password2 ? {} : { name: password1 ? ('password1' as const) : ('password2' as const) };
    const tokenId = idOf(tokenType, [at, given.name]);
    const input = { tokenId, ...slot, ...(expiry !== undefined && { expiry }) };
    return client.action(registryType, registryType.actions.generateCredentials, [at], input);
  },
});

const remove = manageCommand<Chosen & ConfirmFlag>({
  brief: 'Delete passwords of a token',
  examples: ['acr token credential delete --name ci-legacy --password1 --yes'],
  flags: { ...flags, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  columns: tokenColumns,
  async run(connection, given) {
    const { client } = connection;
    const named = [given.password1 && 'password1', given.password2 && 'password2'].filter((slot) => slot !== false);
    if (named.length === 0) throw new UsageError('--password1 or --password2 says which one to delete');
    const at = [await connection.registry(given.registry), given.name];
    const kept = passwordsOf(await client.get(tokenType, at)).filter(({ name }) => !named.includes(name));
    await confirm(connection, given, `deleting ${named.join(' and ')} of ${given.name}`);
    const credentials = { passwords: kept.map(({ name }) => ({ name: name as 'password1' | 'password2' })) };
    return tokenOf(await client.patch(tokenType, at, { properties: { credentials } }));
  },
});

export const tokenCredentialRoutes = buildRouteMap({
  routes: { generate, delete: remove },
  docs: { brief: 'Passwords of repository-scoped tokens' },
});

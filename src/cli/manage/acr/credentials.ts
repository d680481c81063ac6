import { buildRouteMap } from '@stricli/core';
import { registryType } from '../../../registries/index.ts';
import { manageCommand } from '../command.ts';
import { registryFlag } from '../flags.ts';
import { adminColumns as columns } from './columns.ts';

const name = registryFlag.registry;
const aliases = { n: 'name' } as const;
const slots = ['password', 'password2'] as const;
const { listCredentials, regenerateCredential } = registryType.actions;

const show = manageCommand<{ name?: string }>({
  brief: 'Make the passwords of the admin user that there are not yet, and show them',
  details:
    'Makes those of the two passwords of the admin user that there are not yet, and shows them this once: the server keeps ' +
    'no password. Where both are there already, acr credential renew makes another.',
  examples: ['acr credential show --name teamb'],
  flags: { name },
  aliases,
  columns,
  async run({ client, registry, note }, flags) {
    const made = await client.action(registryType, listCredentials, [await registry(flags.name)]);
    if (made.passwords.length === 0) {
      note('Both passwords are there, and were shown when they were made; bonded acr credential renew makes another.');
    }
    return made;
  },
});

const renew = manageCommand<{ name?: string; passwordName: (typeof slots)[number] }>({
  brief: 'Replace a password of the admin user, and show it',
  details: 'Replaces one of the two passwords of the admin user at once, and shows it this once.',
  examples: ['acr credential renew --name teamb --password-name password2'],
  flags: { name, passwordName: { kind: 'enum', values: slots, brief: 'Which of the two' } },
  aliases,
  columns,
  run: async ({ client, registry }, flags) =>
    client.action(registryType, regenerateCredential, [await registry(flags.name)], { name: flags.passwordName }),
});

export const adminRoutes = buildRouteMap({
  routes: { show, renew },
  docs: { brief: 'Passwords of the admin user of a registry' },
});

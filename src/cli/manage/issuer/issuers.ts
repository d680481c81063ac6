import { proposeIssuers } from '../../completion/propose.ts';
import { trustedIssuerType } from '../../../identity/index.ts';
import type { ManagementClient } from '../../../operations/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { deleteExisting } from '../delete-existing.ts';
import { confirm } from '../confirm.ts';
import { existing } from '../existing.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, requiredText } from '../flags.ts';
import { flat } from '../present.ts';
import { allWords } from '../words.ts';
import { defaultsOf, type PresetFlags, presetFlags } from './preset.ts';
import { type IssuerSettings, settingFlags, settingsOf } from './settings.ts';

const columns: Columns = {
  Name: 'name',
  Preset: 'preset',
  Issuer: 'issuer',
  Audiences: 'audiences',
  Keys: "jwks && 'pinned' || jwksUri || discovery || 'discovery'",
  Enabled: 'enabled',
};
const name = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Trusted issuer',
  proposeCompletions: proposeIssuers,
} as const;
const aliases = { n: 'name' } as const;

export const createIssuer = manageCommand<NameFlag & PresetFlags & IssuerSettings>({
  brief: 'Trust an issuer of tokens',
  details:
    'Trusts an OIDC issuer: its tokens say who somebody is. That alone gives nobody a right; roles and federated credentials ' +
    'do. A preset knows the issuer and what its tokens look like.',
  examples: [
    'issuer create --name github --preset github --owner acme',
    'issuer create --name cluster-a --preset kubernetes --issuer https://kubernetes.example.com --audience bonded',
    'issuer create --name edge --preset kubernetes --issuer https://kubernetes.default.svc --audience bonded --jwks-file keys.json',
    'issuer create --name entra --preset entra --tenant 00000000-1111-2222-3333-444444444444',
  ],
  flags: { name, ...presetFlags, ...settingFlags },
  aliases,
  columns,
  async run({ client }, flags) {
    const preset = flags.preset ?? 'oidc';
    const defaults = defaultsOf(flags, preset);
    const audiences = allWords(flags.audience) ?? defaults.audiences;
    if (audiences.length === 0) {
      throw new UsageError(
        '--audience says what tokens must have as aud: what whoever gets them asks for, such as bonded',
      );
    }
    const settings = await settingsOf(flags);
    // Who creates it again does not mean to enable what somebody has disabled.
    const enabled = flags.enabled ?? (await existing(client, trustedIssuerType, [flags.name]))?.properties.enabled;
    const properties = { ...defaults, preset, ...settings, audiences, ...(enabled !== undefined && { enabled }) };
    return flat(await client.put(trustedIssuerType, [flags.name], { properties }));
  },
});

export const showIssuer = manageCommand<NameFlag>({
  brief: 'Show a trusted issuer',
  examples: ['issuer show --name github -o yaml'],
  flags: { name },
  aliases,
  columns,
  run: async ({ client }, flags) => flat(await client.get(trustedIssuerType, [flags.name])),
});

export const listIssuers = manageCommand<object>({
  brief: 'List trusted issuers',
  examples: ['issuer list -o table'],
  flags: {},
  columns,
  run: async ({ client }) => (await client.list(trustedIssuerType)).map(flat),
});

export const updateIssuer = manageCommand<NameFlag & PresetFlags & IssuerSettings>({
  brief: 'Change a trusted issuer',
  details: 'Changes what is said here, and leaves the rest. Another way to its keys replaces the one before.',
  examples: ['issuer update --name cluster-a --audience bonded ci', 'issuer update --name github --enabled false'],
  flags: { name, ...presetFlags, ...settingFlags },
  aliases,
  columns,
  async run({ client }, flags) {
    const audiences = allWords(flags.audience);
    const settings = await settingsOf(flags);
    const properties = {
      ...(await issuerOf(client, flags)),
      ...(flags.preset && { preset: flags.preset }),
      ...(audiences && { audiences }),
      ...('discovery' in settings || 'jwksUri' in settings || 'jwks' in settings
        ? { discovery: null, jwksUri: null, jwks: null }
        : {}),
      ...settings,
    };
    return flat(await client.patch(trustedIssuerType, [flags.name], { properties }));
  },
});

/** Another issuer, where parameters of its preset were given. */
async function issuerOf(client: ManagementClient, flags: NameFlag & PresetFlags): Promise<{ issuer?: string }> {
  const { preset, tenant, tokenVersion, owner, enterprise, host } = flags;
  if ([tenant, tokenVersion, owner, enterprise, host].every((flag) => flag === undefined))
    return flags.issuer === undefined ? {} : { issuer: flags.issuer };
  const known = preset ?? (await client.get(trustedIssuerType, [flags.name])).properties.preset;
  return { issuer: defaultsOf(flags, known).issuer };
}

export const deleteIssuer = manageCommand<NameFlag & ConfirmFlag>({
  brief: 'Trust an issuer no longer',
  details:
    'Trusts an issuer no longer. What federated credentials and assignments say of its tokens stays, and gives nothing.',
  examples: ['issuer delete --name github --yes'],
  flags: { name, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, flags) {
    await confirm(connection, flags, `deleting the trusted issuer ${flags.name}`);
    await deleteExisting(connection.client, trustedIssuerType, [flags.name]);
  },
});

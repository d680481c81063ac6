import { proposeIdentities } from '../../completion/propose.ts';
import { buildRouteMap } from '@stricli/core';
import { federatedCredentialType, identityType } from '../../../identity/index.ts';
import { idOf } from '../../../operations/index.ts';
import { UsageError } from '../../failure.ts';
import type { Columns } from '../../output/index.ts';
import { manageCommand } from '../command.ts';
import { deleteExisting } from '../delete-existing.ts';
import { confirm } from '../confirm.ts';
import { confirmFlag, type ConfirmFlag, type NameFlag, requiredText, textFlag } from '../flags.ts';
import { issuerUrl, untrusted } from '../issuer/issuer-url.ts';
import { pairs, replacing } from '../pairs.ts';
import { flat } from '../present.ts';
import { allWords, wordsFlag } from '../words.ts';

type Owned = NameFlag & { identityName: string };
interface Settings {
  issuer?: string;
  subject?: string;
  audiences?: (readonly string[])[];
  claims?: (readonly string[])[];
}

const columns: Columns = {
  Name: 'name',
  Issuer: 'issuer',
  Subject: 'subject',
  Audiences: 'audiences',
  Claims: 'claims',
};
const identityName = {
  ...requiredText,
  placeholder: 'name',
  brief: 'Identity that it is for',
  proposeCompletions: proposeIdentities,
} as const;
const flags = { name: { ...requiredText, placeholder: 'name', brief: 'Federated credential' }, identityName } as const;
const aliases = { n: 'name' } as const;
const settings = {
  issuer: { ...textFlag, placeholder: 'url|name', brief: 'Who signs the tokens: iss, or the name of a trusted issuer' },
  subject: { ...textFlag, placeholder: 'sub', brief: 'Subject of the tokens; * stands for any characters' },
  audiences: { ...wordsFlag, placeholder: 'aud…', brief: 'Audiences of which a token must have one (default bonded)' },
  claims: { ...wordsFlag, placeholder: 'claim=pattern…', brief: 'Further claims that tokens must have' },
} as const;

const create = manageCommand<Owned & Settings>({
  brief: 'Say whose tokens an identity is',
  details:
    'Whoever shows a token of that issuer, with that subject and those claims, is the identity. The issuer must be trusted ' +
    '(bonded issuer create).',
  examples: [
    'identity federated-credential create --identity-name cluster-a --name puller ' +
      '--issuer https://kubernetes.example.com --subject system:serviceaccount:shop:puller',
    'identity federated-credential create --identity-name ci --name main --issuer github ' +
      '--claims repository_owner_id=12 repository_id=34 ref=refs/heads/main',
  ],
  flags: { ...flags, ...settings },
  aliases,
  columns,
  async run({ client, note }, given) {
    const { issuer, subject } = given;
    if (issuer === undefined) throw new UsageError('--issuer says who signs the tokens');
    const audiences = allWords(given.audiences);
    const claims = pairs('--claims', allWords(given.claims));
    if (subject === undefined && !claims) throw new UsageError('--subject or --claims says whose tokens they are');
    const properties = {
      issuer: await issuerUrl(client, issuer),
      ...(subject !== undefined && { subject }),
      ...(audiences && { audiences }),
      ...(claims && { claims }),
    };
    const made = await client.put(federatedCredentialType, [given.identityName, given.name], { properties });
    const useless = await untrusted(client, made.properties.issuer);
    if (useless !== undefined) note(useless);
    return flat(made);
  },
});

const show = manageCommand<Owned>({
  brief: 'Show a federated credential',
  examples: ['identity federated-credential show --identity-name cluster-a --name puller'],
  flags,
  aliases,
  columns,
  run: async ({ client }, given) => flat(await client.get(federatedCredentialType, [given.identityName, given.name])),
});

const list = manageCommand<{ identityName: string }>({
  brief: 'List the federated credentials of an identity',
  examples: ['identity federated-credential list --identity-name cluster-a'],
  flags: { identityName },
  columns,
  run: async ({ client }, given) =>
    (await client.list(federatedCredentialType, idOf(identityType, [given.identityName]))).map(flat),
});

const update = manageCommand<Owned & Settings>({
  brief: 'Change a federated credential',
  details: 'Changes what is said here, and leaves the rest. Audiences and claims are replaced as a whole.',
  examples: [
    'identity federated-credential update --identity-name cluster-a --name puller --subject system:serviceaccount:shop:web',
  ],
  flags: { ...flags, ...settings },
  aliases,
  columns,
  async run({ client }, given) {
    const at = [given.identityName, given.name];
    const audiences = allWords(given.audiences);
    const wanted = pairs('--claims', allWords(given.claims));
    const before = await client.get(federatedCredentialType, at);
    const properties = {
      ...(given.issuer !== undefined && { issuer: await issuerUrl(client, given.issuer) }),
      ...(given.subject !== undefined && { subject: given.subject === '' ? null : given.subject }),
      ...(audiences && { audiences }),
      // A merge patch takes away what is null; the compiler does not know them inside of what is written.
      ...(wanted && { claims: replacing(before.properties.claims, wanted) as Record<string, string> }),
    };
    return flat(await client.patch(federatedCredentialType, at, { properties }, { ifMatch: before.etag }));
  },
});

const remove = manageCommand<Owned & ConfirmFlag>({
  brief: 'Delete a federated credential',
  examples: ['identity federated-credential delete --identity-name cluster-a --name puller --yes'],
  flags: { ...flags, ...confirmFlag },
  aliases: { ...aliases, y: 'yes' },
  async run(connection, given) {
    await confirm(connection, given, `deleting the federated credential ${given.name} of ${given.identityName}`);
    await deleteExisting(connection.client, federatedCredentialType, [given.identityName, given.name]);
  },
});

export const federatedCredentialRoutes = buildRouteMap({
  routes: { create, show, list, update, delete: remove },
  docs: { brief: 'Whose tokens an identity is' },
});

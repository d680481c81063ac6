import { identityType } from '../../../identity/index.ts';
import { ManagementClientError, type ManagementClient, type WireResource } from '../../../operations/index.ts';
import { notFound, UsageError } from '../../failure.ts';
import { textFlag } from '../flags.ts';
import { issuerUrl } from '../issuer/issuer-url.ts';
import { pairs } from '../pairs.ts';
import { allWords, wordsFlag } from '../words.ts';
import { isGuid } from './read-definition.ts';

/** Whom an assignment is for, in one of three ways. */
export interface AssigneeFlags {
  assignee?: string;
  assigneeObjectId?: string;
  assigneePrincipalType?: 'ServicePrincipal' | 'User' | 'Group';
  group?: string;
  issuer?: string;
  claims?: (readonly string[])[];
}

export const assigneeFlags = {
  assignee: { ...textFlag, placeholder: 'name|id', brief: 'An identity, by its name or principal id' },
  // As scripts for az say it.
  assigneeObjectId: { ...textFlag, hidden: true, placeholder: 'id', brief: 'An identity, by its principal id' },
  assigneePrincipalType: {
    kind: 'enum',
    values: ['ServicePrincipal', 'User', 'Group'],
    optional: true,
    hidden: true,
    brief: 'What it is',
  },
  group: { ...textFlag, placeholder: 'group', brief: 'Tokens of an --issuer with that group' },
  issuer: {
    ...textFlag,
    placeholder: 'url|name',
    brief: 'The issuer of --group or --claims: iss, or the name of a trusted issuer',
  },
  claims: { ...wordsFlag, placeholder: 'claim=pattern…', brief: 'Tokens of an --issuer with those claims' },
} as const;

export interface Assignee {
  principalType: 'ServicePrincipal' | 'Group' | 'Claims';
  principalId?: string;
  issuer?: string;
  claims?: Record<string, string>;
}

/** Whom the flags mean; undefined where they say nothing of it. Throws UsageError, or a 404 for people. */
export async function assigneeOf(client: ManagementClient, flags: AssigneeFlags): Promise<Assignee | undefined> {
  const { group, issuer } = flags;
  const assignee = flags.assignee ?? flags.assigneeObjectId;
  const claims = pairs('--claims', allWords(flags.claims));
  const ways = [assignee, group, claims].filter((way) => way !== undefined).length;
  if (ways > 1) throw new UsageError('give one of --assignee, --group and --claims: an assignment is for one of them');
  if (assignee !== undefined) {
    if (flags.assigneePrincipalType === 'Group') throw new UsageError('a group is named by --group and --issuer');
    return { principalType: 'ServicePrincipal', principalId: await principalIdOf(client, assignee) };
  }
  if (ways === 0) return undefined;
  if (issuer === undefined) throw new UsageError('--issuer says whose tokens are meant; bonded issuer list shows them');
  const url = await issuerUrl(client, issuer);
  if (group !== undefined) return { principalType: 'Group', principalId: group, issuer: url };
  return { principalType: 'Claims', issuer: url, claims: claims! };
}

async function principalIdOf(client: ManagementClient, given: string): Promise<string> {
  try {
    const identity = isGuid(given) ? await byPrincipalId(client, given) : await client.get(identityType, [given]);
    if (identity?.properties.principalId !== undefined) return identity.properties.principalId;
  } catch (error) {
    if (!(error instanceof ManagementClientError && error.status === 404)) throw error;
  }
  throw notFound(
    `there is no identity ${JSON.stringify(given)}; bonded identity list shows them, identity create makes one`,
  );
}

async function byPrincipalId(
  client: ManagementClient,
  id: string,
): Promise<WireResource<typeof identityType> | undefined> {
  const wanted = id.toLowerCase();
  return (await client.list(identityType)).find(({ name, properties }) =>
    [properties.principalId, properties.clientId, name.toLowerCase()].includes(wanted),
  );
}

import type { Principal } from '../../access/index.ts';
import { ManagementError } from '../../operations/index.ts';
import type { RegistryFacts } from '../../registries/index.ts';
import { anonymousCaller } from '../authenticate.ts';
import { type Caller, principalOf } from '../caller.ts';
import type { Directory, IdentityFacts } from '../directory.ts';

/** Whom somebody asks about. */
export interface Whom {
  principalId?: string | undefined;
  identityName?: string | undefined;
  tokenName?: string | undefined;
  admin?: boolean | undefined;
  anonymous?: boolean | undefined;
  issuer?: string | undefined;
  groups?: string[] | undefined;
  claims?: Record<string, unknown> | undefined;
}

export interface Found {
  principal: Principal;
  /** False where it can do nothing, whatever its rights are. */
  enabled: boolean;
  notes: string[];
  /** What names it to `bonded role assignment create`; undefined where no role can be assigned to it. */
  assignee: readonly string[] | undefined;
}

/** The principal that is meant, as it would be if it came now. ResourceNotFound; `registry` is needed for what is of one. */
export function findPrincipal(directory: Directory, registry: RegistryFacts | undefined, whom: Whom): Found {
  if (whom.tokenName !== undefined || whom.admin === true || whom.anonymous === true) {
    if (!registry) {
      throw new ManagementError('InvalidRequestContent', 'tokens, the admin user and anonymous callers manage nothing');
    }
    return ofRegistry(directory, registry, whom);
  }
  if (whom.principalId === undefined && whom.identityName === undefined) return ofIssuer(directory, whom);
  const identity = directory.identities.find((one) => isMeant(one, whom));
  if (identity) return ofIdentity(directory, identity, whom);
  const name = whom.identityName ?? whom.principalId;
  throw new ManagementError('ResourceNotFound', `there is no identity ${name}; bonded identity list shows them`);
}

function isMeant({ principalId, name }: IdentityFacts, whom: Whom): boolean {
  if (whom.principalId !== undefined) return principalId === whom.principalId;
  return name.toLowerCase() === whom.identityName!.toLowerCase();
}

function ofIdentity(directory: Directory, identity: IdentityFacts, { issuer, groups, claims }: Whom): Found {
  const { principalId, name, enabled } = identity;
  const credentials = directory.credentials.filter((one) => one.identity.principalId === principalId);
  const notes: string[] = [];
  if (!enabled) notes.push(`the identity ${name} is disabled: bonded identity update --name ${name} --status enabled`);
  if (credentials.length === 0) {
    notes.push(
      `the identity ${name} has no federated credential, so nobody can come as it; bonded identity ` +
        'federated-credential create --help says how to give it one',
    );
  }
  const trusted = credentials.filter((one) => isTrusted(directory, one.issuer));
  if (credentials.length > 0 && trusted.length === 0) {
    notes.push(`no issuer of the federated credentials of ${name} is trusted; bonded issuer list shows those that are`);
  }
  const principal = { kind: 'identity', id: principalId, name, ...vouched(issuer, groups, claims) } as const;
  return { principal, enabled, notes, assignee: ['--assignee', name] };
}

function ofIssuer(directory: Directory, { issuer, groups, claims }: Whom): Found {
  const enabled = isTrusted(directory, issuer!);
  const notes = enabled ? [] : [`${issuer} is not trusted; bonded issuer list shows the issuers that are`];
  const subject = claims?.['sub'];
  const name = typeof subject === 'string' ? subject : (groups?.[0] ?? issuer!);
  const principal = { kind: 'federated', id: `${issuer}#${name}`, name, ...vouched(issuer, groups, claims) } as const;
  const of = ['--issuer', issuer!];
  const assignee =
    typeof subject === 'string' && !subject.includes('*')
      ? ['--claims', `sub=${subject}`, ...of]
      : groups?.[0] !== undefined
        ? ['--group', groups[0], ...of]
        : undefined;
  return { principal, enabled, notes, assignee };
}

function ofRegistry(directory: Directory, registry: RegistryFacts, { tokenName, admin }: Whom): Found {
  const anonymous = anonymousCaller(registry.id);
  if (tokenName === undefined && admin !== true) {
    const principal = principalOf(anonymous, directory)!;
    const isOpen = registry.anonymousPull.length > 0;
    return { principal, enabled: true, notes: isOpen ? [] : ['anonymous pull is off'], assignee: undefined };
  }
  if (tokenName === undefined) {
    const enabled = registry.adminUserEnabled;
    const caller: Caller = { ...anonymous, kind: 'admin', id: 'admin', holder: { kind: 'admin', name: registry.name } };
    const principal = principalOf(caller, directory) ?? { kind: 'admin', id: 'admin', name: registry.name };
    return { principal, enabled, notes: enabled ? [] : ['the admin user is disabled'], assignee: undefined };
  }
  const token = directory.token(registry.id, tokenName);
  if (!token) {
    const message = `there is no token ${tokenName} in ${registry.name}; bonded acr token list shows them`;
    throw new ManagementError('ResourceNotFound', message);
  }
  const { name, enabled, grants } = token;
  const principal: Principal = { kind: 'token', id: `token:${name}`, name, registry: registry.name, grants };
  const enable = `bonded acr token update --name ${name} --registry ${registry.name} --status enabled`;
  return {
    principal,
    enabled,
    notes: enabled ? [] : [`the token ${name} is disabled: ${enable}`],
    assignee: undefined,
  };
}

function isTrusted(directory: Directory, issuer: string): boolean {
  return directory.issuers.some((one) => one.issuer === issuer && one.enabled);
}

function vouched(issuer?: string, groups?: string[], claims?: Record<string, unknown>) {
  return { ...(issuer !== undefined && { issuer }), ...(groups && { groups }), ...(claims && { claims }) };
}

import {
  assignmentsOf,
  type Permission,
  permissions,
  type Principal,
  repositoryFilter,
  roleNameOf,
} from '../../access/index.ts';
import { principalOf } from '../caller.ts';
import type { Directory } from '../directory.ts';
import {
  type Claims,
  claimsUnverified,
  describeIdentity,
  type Federation,
  type RefusedToken,
  type VerifiedToken,
} from '../federation/index.ts';
import { callerOfFederated } from '../identify-federated.ts';
import { compareCredential } from './compare-credential.ts';
import type { TokenReport } from './test-token-contract.ts';
import { checksOf } from './token-checks.ts';

const mostClaims = 100;
const longestValue = 256;
const mostCredentials = 100;
const mostRegistries = 100;
const mostGroups = 500;

const nobody = { groups: [], groupsComplete: true, credentials: [], assignments: [], registries: [], notes: [] };

/** What a token would become here, and why. It is neither kept nor logged. */
export async function reportOn(token: string, directory: Directory, federation: Federation): Promise<TokenReport> {
  const result = await federation.verify(token, directory.issuers);
  const checks = checksOf(result);
  if (!result.ok) return { ...nobody, ...refusalOf(result, token), checks };
  const { subject, claims, groups, groupsComplete, expiresAt } = result;
  const { kind, name } = describeIdentity(result.issuer.preset, claims);
  return {
    ...becomes(directory, result),
    checks,
    issuer: shownIssuer(result),
    verified: true,
    ...shownClaims(claims),
    subject,
    description: { kind, name },
    groups: groups.slice(0, mostGroups),
    groupsComplete,
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

function refusalOf(refused: RefusedToken, token: string) {
  const { reason, message, issuer } = refused;
  const claims = claimsUnverified(token);
  const notes: string[] = [];
  if (issuer && reason === 'wrong_audience')
    notes.push(`the audiences of ${issuer.name} are ${issuer.audiences.join(', ')}`);
  return {
    accepted: false,
    message: `the token is refused: ${message}`,
    reason,
    ...(issuer && { issuer: shownIssuer({ issuer }) }),
    verified: false,
    ...shownClaims(claims ?? {}),
    notes,
  };
}

function shownIssuer({ issuer: { name, issuer, preset } }: Pick<VerifiedToken, 'issuer'>) {
  return { name, issuer, preset };
}

/** Nothing in them may begin a line or colour one where they are printed. */
function shownClaims(claims: Claims): Pick<TokenReport, 'claims' | 'claimsLeftOut'> {
  const all = Object.entries(claims);
  const shown = all.slice(0, mostClaims).map(([name, value]) => ({
    name: printable(name),
    value: printable(typeof value === 'string' ? value : JSON.stringify(value)),
  }));
  return { claims: shown, claimsLeftOut: all.length - shown.length };
}

function printable(text: string): string {
  const plain = text.slice(0, longestValue).replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
  return text.length > longestValue ? `${plain}…` : plain;
}

function becomes(directory: Directory, verified: VerifiedToken) {
  const { registries } = directory;
  // Which registry does not matter: who somebody is by a token of others is the same at each.
  const caller = callerOfFederated(directory, registries[0]?.id ?? 0, verified);
  const principal = principalOf(caller, directory);
  const credentials = directory
    .credentialsOf(verified.issuer.issuer)
    .slice(0, mostCredentials)
    .map((credential) => ({
      ...compareCredential(credential, verified.claims, verified.issuer),
      chosen: credential.id === caller.holder.credential?.id,
    }));
  const known = { kind: caller.kind, id: caller.id, name: caller.holder.name, enabled: principal !== undefined };
  const assignments = principal ? assignmentsOf(directory.policy, principal) : [];
  const notes: string[] = [];
  if (!principal) notes.push(`the identity ${caller.holder.name} is disabled, and can do nothing`);
  if (principal && assignments.length === 0) notes.push('no role is assigned to it, so it may do nothing yet');
  if (!verified.groupsComplete) notes.push('the token does not name all groups; assignments to others do not count');
  const who =
    caller.kind === 'identity'
      ? `the identity ${caller.holder.name}, by the federated credential ${caller.holder.credential?.id}`
      : `${caller.holder.name}, to whom roles can be assigned by group or claims: no federated credential matches`;
  return {
    accepted: true,
    message: `the token is ${who}`,
    credentials,
    principal: known,
    assignments: assignments.map(({ id, roleDefinitionId, scope, condition }) => ({
      id,
      role: roleNameOf(directory.policy, roleDefinitionId) ?? roleDefinitionId,
      scope,
      ...(condition !== undefined && { condition }),
    })),
    registries: registries.slice(0, mostRegistries).flatMap(({ name, roleAssignmentMode }) => {
      const given = principal ? givenIn(directory, principal, name) : [];
      return given.length === 0 ? [] : [{ name, mode: roleAssignmentMode, permissions: given }];
    }),
    notes,
  };
}

function givenIn({ policy }: Directory, principal: Principal, registry: string) {
  return permissions.flatMap((permission: Permission) => {
    const { all, none } = repositoryFilter(policy, principal, registry, [permission]);
    if (none && !all) return [];
    return [{ permission, reach: all ? ('all' as const) : ('some' as const) }];
  });
}

import { type Policy, type RoleAssignment, roleNameOf } from '../../access/index.ts';
import type { RegistryFacts } from '../../registries/index.ts';
import type { Mirror } from '../../resources/index.ts';
import { federatedCredentialType, roleAssignmentType, tokenType } from '../contract.ts';
import type { Directory, FederatedCredential, IdentityFacts } from '../directory.ts';
import type { PresetName } from '../federation/index.ts';
import type { PasswordFacts, Passwords } from '../passwords.ts';
import { assignmentOf, listOf } from '../read-directory.ts';
import type { RightUses } from '../right-uses.ts';

export interface AssignmentFacts {
  source: RoleAssignment;
  roleName: string;
  /** Whether it is for a program, rather than for people. */
  isWorkload: boolean;
  /** Whose it is, for people. */
  whom: string;
  /** When it was last written (ms). */
  updatedAt: number;
  lastUsedAt: number | undefined;
}

export interface TokenWithPasswords {
  id: string;
  name: string;
  registry: RegistryFacts;
  /** Those that have not expired. */
  passwords: readonly PasswordFacts[];
}

/** What checks of identity look at, all as it was at one time. */
export interface AccessSnapshot {
  /** ms. */
  now: number;
  policy: Policy;
  assignments: readonly AssignmentFacts[];
  identities: readonly IdentityFacts[];
  credentials: readonly FederatedCredential[];
  /** Enabled ones. */
  tokens: readonly TokenWithPasswords[];
  /** Admin users that are enabled. */
  admins: readonly { registry: RegistryFacts; passwords: readonly PasswordFacts[] }[];
  /** What tokens of an issuer look like. */
  presetOf(issuer: string): PresetName;
}

export interface SnapshotSource {
  mirror: Mirror;
  directory: Directory;
  passwords: Passwords;
  rightUses: RightUses;
  /** ms. */
  now: number;
}

/** Reads all of it. What nobody can change, such as the rights of the operator, is not in it. */
export async function takeSnapshot(source: SnapshotSource): Promise<AccessSnapshot> {
  const { mirror, directory, now } = source;
  const [all, uses] = await Promise.all([source.passwords.all(), source.rightUses.all()]);
  const valid = all.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  const credentialIds = new Set(mirror.list(federatedCredentialType.type).map(({ id }) => id));
  const presets = new Map(directory.issuers.map(({ issuer, preset }) => [issuer, preset]));
  const passwordsOf = (registryId: number, kind: 'token' | 'admin', name: string) =>
    valid.filter((one) => one.registryId === registryId && one.kind === kind && one.name === name.toLowerCase());
  return {
    now,
    policy: directory.policy,
    assignments: listOf(mirror, roleAssignmentType).flatMap((found) =>
      assignmentOf(found).map((assignment) => ({
        source: assignment,
        roleName: roleNameOf(directory.policy, assignment.roleDefinitionId) ?? assignment.roleDefinitionId,
        isWorkload: ['ServicePrincipal', 'Claims'].includes(found.properties.principalType),
        whom: nameOf(assignment, directory),
        updatedAt: found.resource.updatedAt,
        lastUsedAt: uses.get(found.resource.key),
      })),
    ),
    identities: directory.identities,
    credentials: directory.credentials.filter(({ id }) => credentialIds.has(id)),
    tokens: mirror.list(tokenType.type).flatMap((resource) => {
      const registry = directory.registryAt(resource.parent);
      if (!registry || !directory.token(registry.id, resource.name)?.enabled) return [];
      const { id, name } = resource;
      return [{ id, name, registry, passwords: passwordsOf(registry.id, 'token', name) }];
    }),
    admins: directory.registries
      .filter(({ adminUserEnabled }) => adminUserEnabled)
      .map((registry) => ({ registry, passwords: passwordsOf(registry.id, 'admin', registry.name) })),
    presetOf: (issuer) => presets.get(issuer) ?? 'oidc',
  };
}

function nameOf({ principal }: RoleAssignment, directory: Directory): string {
  switch (principal.type) {
    case 'Identity':
      return directory.identity(principal.id)?.name ?? principal.id;
    case 'Group':
      return `the group ${principal.group} of ${principal.issuer}`;
    case 'Claims': {
      const claims = Object.entries(principal.claims).map(([claim, pattern]) => `${claim}=${pattern}`);
      return `whoever ${principal.issuer} gives ${claims.join(' and ')}`;
    }
  }
}

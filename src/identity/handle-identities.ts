import { decideManagement, type Principal } from '../access/index.ts';
import { invalidContent, ManagementError, parseArmId } from '../operations/index.ts';
import type { Mirror, Resource, ResourceBody } from '../resources/index.ts';
import type { Caller } from './caller.ts';
import type { Directory } from './directory.ts';
import { claimPatternSchema } from './federation/index.ts';
import { principalIdOf } from './principal-id.ts';
import { rightsOf } from './rights.ts';

/** There are no tenants. */
const tenantId = '00000000-0000-0000-0000-000000000001';

/** Managed identities (design §5). */
export const identityHandlers = {
  present(resource: Resource): Record<string, unknown> {
    const principalId = principalIdOf(resource);
    return { principalId, clientId: principalId, tenantId };
  },
};

const assignsRoles = 'Microsoft.Authorization/roleAssignments/write';

/**
 * Federated credentials: whose tokens are an identity. Whoever writes one says who has all rights of that identity, so it
 * takes the right to assign roles wherever it has one: else every Contributor could become an Owner.
 */
export function federatedCredentialHandlers({ mirror, directory }: { mirror: Mirror; directory(): Directory }) {
  function requireRights(id: string, principal: Principal | undefined): void {
    const identity = mirror.get(parseArmId(id)!.parent!);
    const { policy } = directory();
    const assignments = identity ? (policy.identities.get(principalIdOf(identity)) ?? []) : [];
    const lacking = assignments.find(
      ({ source: { scope } }) => !principal || !decideManagement(policy, principal, assignsRoles, scope).allow,
    );
    if (!lacking) return;
    throw new ManagementError(
      'AuthorizationFailed',
      `the identity ${identity!.name} has a role over scope ${lacking.source.scope}; to say whose tokens are this identity ` +
        `takes the right to ${assignsRoles} there`,
    );
  }

  return {
    beforeWrite({ id, principal }: { id: string; principal: unknown }, { properties }: ResourceBody): void {
      const { subject, claims } = properties;
      const pattern = { ...(subject !== undefined && { subject }), ...(claims !== undefined && { claims }) };
      const checked = claimPatternSchema.safeParse(pattern);
      if (!checked.success) throw invalidContent(checked.error);
      requireRights(id, rightsOf(principal as Caller, directory()).principal);
    },
  };
}

/** Trusted issuers. One that is made again under another name would be trusted twice. */
export function trustedIssuerHandlers(issuers: () => readonly { name: string; issuer: string; audiences: string[] }[]) {
  return {
    beforeWrite({ name }: { name: string }, { properties }: ResourceBody): void {
      const { issuer, audiences } = properties as { issuer: string; audiences: string[] };
      const same = issuers().find(
        (other) =>
          other.name.toLowerCase() !== name.toLowerCase() &&
          other.issuer === issuer &&
          other.audiences.some((audience) => audiences.includes(audience)),
      );
      if (!same) return;
      throw new ManagementError(
        'Conflict',
        `${same.name} already trusts this issuer for one of these audiences; change that one, or name others here`,
        { target: 'properties.issuer' },
      );
    },
  };
}

import { invalidContent, ManagementError } from '../operations/index.ts';
import type { Resource, ResourceBody } from '../resources/index.ts';
import { claimPatternSchema } from './federation/index.ts';
import { principalIdOf } from './principal-id.ts';

/** There are no tenants. */
const tenantId = '00000000-0000-0000-0000-000000000001';

/** Managed identities (design §5). */
export const identityHandlers = {
  present(resource: Resource): Record<string, unknown> {
    const principalId = principalIdOf(resource);
    return { principalId, clientId: principalId, tenantId };
  },
};

/** Federated credentials: whose tokens are an identity. */
export const federatedCredentialHandlers = {
  beforeWrite(_: unknown, { properties }: ResourceBody): void {
    const { subject, claims } = properties;
    const pattern = { ...(subject !== undefined && { subject }), ...(claims !== undefined && { claims }) };
    const checked = claimPatternSchema.safeParse(pattern);
    if (!checked.success) throw invalidContent(checked.error);
  },
};

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

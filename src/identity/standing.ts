import { readFileSync } from 'node:fs';
import type { BootstrapConfig } from './config.ts';
import type { FederatedCredential, IdentityFacts } from './directory.ts';
import { trustedIssuerProperties } from './federation/index.ts';
import { operatorId } from './identify.ts';
import { standingAssignments } from './operator-rights.ts';
import type { Standing } from './read-directory.ts';

const ownerId = 'bootstrap-owner';

/**
 * What is so by the configuration alone: the operator of the machine may do everything, and so may the owner whom
 * `bootstrap.owner` names, for as long as it does. Throws where its key set cannot be read.
 */
export function standingOf({ owner }: BootstrapConfig): Standing {
  const { issuer, subject, audience, jwks } = owner;
  const assignments = standingAssignments(operatorId);
  if (issuer === undefined || subject === undefined) {
    return { assignments, issuers: [], identities: [], credentials: [] };
  }
  const identity: IdentityFacts = { principalId: ownerId, name: 'first owner', enabled: true };
  const credential: FederatedCredential = {
    id: `/providers/Microsoft.ManagedIdentity/${ownerId}`,
    identity,
    issuer,
    audiences: [audience],
    subject,
    claims: {},
    mark: 'configuration',
  };
  const keys = jwks === undefined ? {} : { jwks: JSON.parse(readFileSync(jwks, 'utf8')) as unknown };
  const properties = trustedIssuerProperties.parse({ issuer, audiences: [audience], ...keys });
  return {
    assignments: [...assignments, ...standingAssignments(ownerId)],
    issuers: [{ name: ownerId, ...properties }],
    identities: [identity],
    credentials: [credential],
  };
}

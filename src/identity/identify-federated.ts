import type { Caller } from './caller.ts';
import { bytesOf, carriedOf } from './carried.ts';
import type { Holder } from './claims.ts';
import type { Directory, FederatedCredential } from './directory.ts';
import { claimTexts, describeIdentity, matchesPattern, trustMark, type VerifiedToken } from './federation/index.ts';

/** What a token of ours says at most of who has it (bytes of JSON); the rest is for what it is given for. */
const carriedBytes = 5800;
const longestName = 256;

/** A token of a trusted issuer: the identity that has a federated credential for it, or else whoever its subject is. */
export function callerOfFederated(directory: Directory, registryId: number, verified: VerifiedToken): Caller {
  const { issuer: trusted, subject, claims, groups, expiresAt } = verified;
  const { issuer, preset } = trusted;
  const trust = trustMark(trusted);
  const credential = directory.credentialsOf(issuer).find((candidate) => isFor(candidate, verified));
  const id = credential ? credential.identity.principalId : `${issuer}#${subject}`;
  const whom: Holder = credential
    ? { kind: 'identity', name: credential.identity.name, issuer, trust, credential: markOf(credential) }
    : { kind: 'federated', name: describeIdentity(preset, claims).name.slice(0, longestName), issuer, trust };
  const holder = {
    ...whom,
    ...carriedOf(groups.toSorted(byUse(directory, issuer)), claims, carriedBytes - bytesOf([id, whom])),
  };
  return {
    registryId,
    kind: holder.kind,
    via: 'issuer',
    id,
    holder,
    grant: undefined,
    tokenId: typeof claims.jti === 'string' ? claims.jti.slice(0, 64) : undefined,
    mode: undefined,
    endedAt: undefined,
    until: expiresAt,
  };
}

/** Groups that something is assigned to come first: there may be too many to carry on. */
function byUse({ policy }: Directory, issuer: string) {
  const assigned = policy.issuers.get(issuer)?.groups;
  const rank = (group: string) => (assigned?.has(group) ? 0 : 1);
  return (one: string, other: string) => rank(one) - rank(other);
}

const markOf = ({ id, mark }: FederatedCredential) => ({ id, mark });

function isFor(credential: FederatedCredential, { claims, issuer }: VerifiedToken): boolean {
  const { subject, claims: wanted } = credential;
  const audiences = new Set(claimTexts(claims, 'aud'));
  // An issuer that is trusted twice, by other keys for other audiences, vouches for those alone whose keys have signed.
  const isVouched = (audience: string) => audiences.has(audience) && issuer.audiences.includes(audience);
  if (!credential.audiences.some(isVouched)) return false;
  return matchesPattern(claims, { subject, claims: wanted });
}

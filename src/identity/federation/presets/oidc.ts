import { claimValue, textClaim } from '../claim-value.ts';
import { anyUrl, type Preset } from './preset.ts';

const names = ['preferred_username', 'email', 'name', 'client_id', 'azp', 'sub'];

/** Any provider of OpenID Connect, of which nothing more is known. */
export const oidc: Preset = {
  title: 'OpenID Connect',
  parameters: { issuer: anyUrl },
  defaults: ({ issuer = '' }) => ({ issuer, audiences: [] }),
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  lacksGroups: (claims) => claimValue(claims, '/_claim_names/groups') !== undefined,
  describe(claims) {
    const name = names.map((claim) => textClaim(claims, claim)).find((found) => found !== undefined);
    return { name: name ?? '', kind: textClaim(claims, 'preferred_username') === undefined ? 'identity' : 'user' };
  },
  claims: [
    { claim: 'sub', description: 'Who it is.', trust: 'stable' },
    { claim: 'groups', description: 'Groups, as the provider names them.', trust: 'reusable' },
    { claim: 'email', description: 'Address, which may pass to another.', trust: 'reusable' },
    { claim: 'preferred_username', description: 'A name, which may pass to another.', trust: 'reusable' },
  ],
  review: ({ claims = {} }) =>
    ['email', 'preferred_username', 'name']
      .filter((name) => Object.hasOwn(claims, name))
      .map((name) => ({ severity: 'medium' as const, why: `${name} may pass to somebody else; match sub` })),
};

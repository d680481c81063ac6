import { claimValue, textClaim } from '../claim-value.ts';
import { isExact, type Preset } from './preset.ts';

const machine = (name: string) => `/google/compute_engine/${name}`;

/**
 * Google: service accounts, virtual machines (cloud.google.com/compute/docs/instances/verifying-instance-identity), users.
 * Anybody with an account there gets tokens for any audience. Service accounts of GKE clusters are Kubernetes'.
 */
export const google: Preset = {
  title: 'Google',
  parameters: {},
  defaults: () => ({ issuer: 'https://accounts.google.com', audiences: [], maxTokenLifetimeSeconds: 7200 }),
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  lacksGroups: () => false,
  describe(claims) {
    const instance = textClaim(claims, machine('instance_name'));
    const project = textClaim(claims, machine('project_id')) ?? '';
    if (instance !== undefined) return { name: `${project}/${instance}`, kind: 'virtual machine' };
    const verified = claimValue(claims, 'email_verified') === true ? textClaim(claims, 'email') : undefined;
    const name = verified ?? textClaim(claims, 'sub') ?? '';
    return { name, kind: verified?.endsWith('.gserviceaccount.com') ? 'service account' : 'user' };
  },
  claims: [
    { claim: 'sub', description: 'Number of the account; never used again.', trust: 'stable' },
    { claim: 'email', description: 'Address; only together with email_verified = true.', trust: 'reusable' },
    { claim: 'hd', description: 'Domain of a Workspace user.', trust: 'stable' },
    { claim: 'azp', description: 'Client that asked; of service accounts their number.', trust: 'stable' },
    { claim: machine('project_id'), description: 'Project of a virtual machine (format=full).', trust: 'stable' },
    { claim: machine('instance_id'), description: 'Number of a virtual machine.', trust: 'stable' },
    { claim: machine('instance_name'), description: 'Its name, which may be used again.', trust: 'reusable' },
    { claim: machine('zone'), description: 'Its zone.', trust: 'stable' },
  ],
  review(pattern) {
    const email = pattern.claims?.['email'];
    const unverified = email !== undefined && pattern.claims?.['email_verified'] !== 'true';
    const stable = ['sub', 'hd', machine('project_id'), machine('instance_id')].some((name) => isExact(pattern, name));
    const domain = email !== undefined && /@[^*@]+$/.test(email);
    return [
      ...(unverified
        ? [{ severity: 'high' as const, why: 'email alone may be unverified; give email_verified = true, too' }]
        : []),
      ...(stable || domain
        ? []
        : [{ severity: 'high' as const, why: 'any Google account in the world may fit; give sub' }]),
    ];
  },
};

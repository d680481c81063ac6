import { textClaim } from '../claim-value.ts';
import { isExact, pinnedPart, type Preset } from './preset.ts';

const inside = (name: string) => `/https:~1~1sts.amazonaws.com~1/${name}`;

/**
 * IAM roles by outbound identity federation (docs.aws.amazon.com/IAM, "Understanding token claims"): each account has an
 * issuer of its own. Service accounts of EKS clusters are Kubernetes'.
 */
export const aws: Preset = {
  title: 'AWS IAM',
  parameters: {
    issuer: {
      description: 'What `aws iam get-outbound-web-identity-federation-info` names.',
      pattern: /^https:\/\/[a-z0-9-]{1,63}\.tokens\.sts\.global\.api\.aws$/,
    },
  },
  defaults: ({ issuer = '' }) => ({ issuer, audiences: [], maxTokenLifetimeSeconds: 3600 }),
  subjectClaim: 'sub',
  groupsClaim: 'groups',
  lacksGroups: () => false,
  describe(claims) {
    const arn = textClaim(claims, 'sub') ?? '';
    const account = textClaim(claims, inside('aws_account')) ?? arn.split(':')[4] ?? '';
    const kind = arn.includes(':user/') ? 'user' : 'role';
    const name = arn.split('/').at(-1)!;
    return { name: account === '' ? name : `${account}/${name}`, kind };
  },
  claims: [
    { claim: 'sub', description: 'ARN of the role: `arn:aws:iam::ACCOUNT:role/NAME`.', trust: 'reusable' },
    { claim: inside('aws_account'), description: 'Account.', trust: 'stable' },
    { claim: inside('org_id'), description: 'Organisation.', trust: 'stable' },
    { claim: inside('ou_path'), description: 'Organisational unit.', trust: 'stable' },
    {
      claim: inside('ec2_source_instance_arn'),
      description: 'Instance that the credentials were given to.',
      trust: 'stable',
    },
    {
      claim: inside('lambda_source_function_arn'),
      description: 'Function that the credentials were given to.',
      trust: 'reusable',
    },
    { claim: inside('principal_tags/TAG'), description: 'A tag of the role.', trust: 'reusable' },
    {
      claim: inside('request_tags/TAG'),
      description: 'A tag that whoever asked for the token made up.',
      trust: 'chosen',
    },
  ],
  review(pattern) {
    const chosen = Object.keys(pattern.claims ?? {}).some((name) => name.startsWith(inside('request_tags')));
    const account =
      /^arn:aws[a-z-]*:iam::[0-9]{12}:/.test(pinnedPart(pattern, 'sub')) || isExact(pattern, inside('aws_account'));
    const role = isExact(pattern, 'sub') || isExact(pattern, inside('ec2_source_instance_arn'));
    return [
      ...(chosen
        ? [{ severity: 'medium' as const, why: 'request_tags are made up by whoever asks for the token' }]
        : []),
      ...(account ? [] : [{ severity: 'medium' as const, why: 'leaves the account open; give it in sub' }]),
      ...(role
        ? []
        : [{ severity: 'medium' as const, why: 'leaves the role open: any role that may ask for tokens fits' }]),
    ];
  },
};

import { describe, expect, test } from 'bun:test';
import { claimPatternSchema } from '../match-pattern.ts';
import type { Claims } from '../read-token.ts';
import { trustedIssuerSchema } from '../trusted-issuer.ts';
import { describeIdentity, issuerDefaults, type PresetName, presetNames, presetOf, reviewPattern } from './index.ts';

const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';
const oid = '0d8b260e-ef0e-45fb-be8e-ff44f97722e8';
const sts = 'https://sts.amazonaws.com/';

const tokens: [preset: PresetName, claims: Claims, kind: string, name: string][] = [
  ['entra', { oid, tid: tenant, upn: 'ada@contoso.example', appid: tenant }, 'user', 'ada@contoso.example'],
  [
    'entra',
    { oid, tid: tenant, preferred_username: 'ada@contoso.example', azp: tenant, ver: '2.0' },
    'user',
    'ada@contoso.example',
  ],
  ['entra', { oid, sub: oid, appid: tenant, idtyp: 'app', app_displayname: 'builder' }, 'service principal', 'builder'],
  ['entra', { oid, sub: oid, azp: tenant, ver: '2.0' }, 'service principal', tenant],
  [
    'entra',
    {
      oid,
      appid: tenant,
      idtyp: 'app',
      xms_mirid: `/subscriptions/${tenant}/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/kubelet`,
    },
    'managed identity',
    'kubelet',
  ],
  [
    'kubernetes',
    {
      sub: 'system:serviceaccount:shop:puller',
      'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'puller' } },
    },
    'service account',
    'shop/puller',
  ],
  ['kubernetes', { sub: 'system:serviceaccount:shop:puller' }, 'service account', 'shop/puller'],
  ['kubernetes', { sub: 'somebody', 'kubernetes.io': [] }, 'service account', 'somebody'],
  [
    'github',
    { sub: 'repo:acme@1/app@2:environment:prod', repository: 'acme/app', ref: 'refs/heads/main', environment: 'prod' },
    'workflow',
    'acme/app (prod)',
  ],
  [
    'github',
    { sub: 'repo:acme/app:ref:refs/tags/v1', repository: 'acme/app', ref: 'refs/tags/v1' },
    'workflow',
    'acme/app (v1)',
  ],
  ['github', { sub: 'repo:acme/app:pull_request', repository: 'acme/app' }, 'workflow', 'acme/app'],
  [
    'gitlab',
    {
      sub: 'project_path:acme/web/app:ref_type:branch:ref:main',
      project_path: 'acme/web/app',
      ref: 'main',
      ref_type: 'branch',
    },
    'job',
    'acme/web/app (main)',
  ],
  [
    'google',
    { sub: '117', azp: '117', email: 'ci@p.iam.gserviceaccount.com', email_verified: true },
    'service account',
    'ci@p.iam.gserviceaccount.com',
  ],
  ['google', { sub: '117', email: 'ci@p.iam.gserviceaccount.com' }, 'user', '117'],
  [
    'google',
    { sub: '117', google: { compute_engine: { project_id: 'p', instance_name: 'vm-1', instance_id: '9', zone: 'a' } } },
    'virtual machine',
    'p/vm-1',
  ],
  [
    'aws',
    { sub: 'arn:aws:iam::123456789012:role/ci/builder', [sts]: { aws_account: '123456789012' } },
    'role',
    '123456789012/builder',
  ],
  ['oidc', { sub: '7', preferred_username: 'ada' }, 'user', 'ada'],
  ['oidc', { sub: '7', client_id: 'ci' }, 'identity', 'ci'],
];

test.each(tokens)('%s: %j is a %s named %s', (preset, claims, kind, name) => {
  const subject = String(preset === 'entra' ? claims['oid'] : claims['sub']);
  expect(describeIdentity(preset, claims)).toEqual({ kind: kind as 'user', name, subject });
});

test('any claims at all are described, and no name begins a line or changes its direction', () => {
  const odd: Claims[] = [{}, { sub: 1 }, { sub: ['a'] }, { 'kubernetes.io': null }, { google: 'x' }, { [sts]: 5 }];
  for (const preset of presetNames) {
    for (const claims of odd) expect(typeof describeIdentity(preset, claims).name).toBe('string');
    const named = { sub: 'a\n\u001b[31m\u202eb', oid: 'a\n\u001b[31m\u202eb' };
    expect(describeIdentity(preset, named).name).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
  expect(describeIdentity('oidc', { sub: 'x'.repeat(9999) }).name).toHaveLength(256);
});

describe('settings', () => {
  test.each<[PresetName, Record<string, string>, string]>([
    ['entra', { tenant }, `https://sts.windows.net/${tenant}/`],
    ['entra', { tenant: tenant.toUpperCase(), version: 'v2' }, `https://login.microsoftonline.com/${tenant}/v2.0`],
    [
      'kubernetes',
      { issuer: 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC' },
      'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC',
    ],
    ['github', {}, 'https://token.actions.githubusercontent.com'],
    ['github', { enterprise: 'acme' }, 'https://token.actions.githubusercontent.com/acme'],
    ['github', { host: 'git.corp.example' }, 'https://git.corp.example/_services/token'],
    ['gitlab', {}, 'https://gitlab.com'],
    ['gitlab', { issuer: 'https://gitlab.corp.example' }, 'https://gitlab.corp.example'],
    ['google', {}, 'https://accounts.google.com'],
    ['aws', { issuer: 'https://abc-123.tokens.sts.global.api.aws' }, 'https://abc-123.tokens.sts.global.api.aws'],
    ['oidc', { issuer: 'https://idp.example' }, 'https://idp.example'],
  ])('%s with %j has the issuer %s, and is a trusted issuer once it has an audience', (preset, parameters, issuer) => {
    const defaults = issuerDefaults(preset, parameters);
    expect(defaults.issuer).toBe(issuer);
    const audiences = [...defaults.audiences, 'registry.example'];
    expect(trustedIssuerSchema.parse({ name: 'one', preset, ...defaults, audiences }).issuer).toBe(issuer);
  });

  test('audiences that issuers have by default', () => {
    expect(issuerDefaults('entra', { tenant }).audiences).toEqual(['https://containerregistry.azure.net']);
    expect(issuerDefaults('github', { owner: 'acme' }).audiences).toEqual(['https://github.com/acme']);
    expect(issuerDefaults('gitlab', {}).audiences).toEqual([]);
  });

  test.each<[PresetName, Record<string, string>]>([
    ['entra', {}],
    ['entra', { tenant: 'common' }],
    ['entra', { tenant, version: 'v3' }],
    ['entra', { tenant, other: 'x' }],
    ['kubernetes', {}],
    ['kubernetes', { issuer: 'http://cluster.example' }],
    ['github', { host: 'git.example/evil' }],
    ['github', { owner: 'a/b' }],
    ['aws', { issuer: 'https://evil.example/.tokens.sts.global.api.aws' }],
    ['oidc', { issuer: 'https://user@idp.example' }],
  ])('%s does not take %j', (preset, parameters) => {
    expect(() => issuerDefaults(preset, parameters)).toThrow();
  });
});

describe('patterns', () => {
  test.each<[PresetName, object, string[]]>([
    ['github', { subject: '*:ref:refs/heads/main' }, ['high', 'high']],
    ['github', { claims: { ref: 'refs/heads/main' } }, ['high']],
    ['github', { subject: 'repo:*/app:ref:refs/heads/main' }, ['high']],
    ['github', { subject: 'repo:acme*' }, ['high']],
    ['github', { subject: 'repo:acme/*' }, ['medium', 'low']],
    ['github', { subject: 'repo:acme/app:ref:refs/heads/main' }, ['low']],
    ['github', { subject: 'repo:acme@12/app@34:ref:refs/heads/main' }, []],
    ['github', { subject: 'repo:acme@12/*' }, ['medium']],
    ['github', { claims: { repository_owner_id: '12', environment: 'prod' } }, []],
    ['github', { claims: { repository_owner_id: '1*', environment: 'prod' } }, ['high']],
    ['github', { subject: 'repo:acme@12/app@34:p*' }, ['medium']],
    ['github', { subject: 'repo:acme@12/app@34:pull_request' }, ['medium']],
    ['github', { subject: 'repo:acme@12/app@34:ref:refs/heads/*' }, ['medium']],
    ['github', { subject: 'repo:acme@12/app@34:ref:refs/tags/v*' }, []],
    ['github', { subject: 'repository_owner_id:12:environment:prod' }, []],
    ['github', { subject: 'repository_owner_id:12*' }, ['high']],
    ['github', { subject: 'repository_owner_id:12:*' }, ['medium']],
    ['github', { claims: { job_workflow_ref: 'acme/ci/.github/workflows/a.yml@refs/heads/main' } }, ['high']],
    ['github', { subject: 'environment:prod:repository_owner_id:12' }, ['high']],
    ['gitlab', { claims: { ref_protected: 'true' } }, ['high']],
    ['gitlab', { subject: 'project_path:acme/*' }, ['medium', 'low']],
    ['gitlab', { claims: { project_id: '7', ref_protected: 'true' } }, []],
    ['kubernetes', { subject: 'system:serviceaccount:*' }, ['high']],
    ['kubernetes', { subject: 'system:serviceaccount:shop*' }, ['high']],
    ['kubernetes', { subject: 'system:serviceaccount:shop:*' }, ['medium']],
    ['kubernetes', { subject: 'system:serviceaccount:shop:puller' }, []],
    ['kubernetes', { claims: { '/kubernetes.io/serviceaccount/uid': oid } }, []],
    ['entra', { claims: { upn: 'ada@contoso.example' } }, ['high', 'medium']],
    ['entra', { claims: { oid } }, []],
    ['entra', { subject: oid }, []],
    ['google', { claims: { email: 'ada@corp.example' } }, ['high']],
    ['google', { claims: { email: '*@corp.example', email_verified: 'true' } }, []],
    ['google', { claims: { email_verified: 'true' } }, ['high']],
    ['google', { subject: '117' }, []],
    ['aws', { subject: 'arn:aws:iam::123456789012:role/builder' }, []],
    ['aws', { subject: 'arn:aws:iam::123456789012:role/*' }, ['medium']],
    ['aws', { claims: { '/https:~1~1sts.amazonaws.com~1/request_tags/team': 'a' } }, ['medium', 'medium', 'medium']],
    ['oidc', { claims: { email: 'ada@corp.example' } }, ['medium']],
    ['oidc', { subject: '*@corp.example' }, ['high']],
    ['oidc', { subject: '7' }, []],
  ])('%s: %j is %j', (preset, pattern, severities) => {
    const findings = reviewPattern(preset, claimPatternSchema.parse(pattern));
    expect(findings.map(({ severity }) => severity as string)).toEqual(severities);
  });
});

test('Entra says when it has left out groups', () => {
  const { lacksGroups } = presetOf('entra');
  expect(lacksGroups({ groups: ['a'] })).toBe(false);
  expect(lacksGroups({ _claim_names: { groups: 'src1' }, _claim_sources: {} })).toBe(true);
  expect(lacksGroups({ hasgroups: true })).toBe(true);
});

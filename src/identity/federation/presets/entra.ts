import { claimValue, textClaim } from '../claim-value.ts';
import { isExact, type Preset } from './preset.ts';

const guid = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;

/** Claims that say who it is to people, and that a tenant may give to somebody else. */
const names = ['preferred_username', 'upn', 'unique_name', 'email', 'name'];

/**
 * Microsoft Entra ID: users, service principals, managed identities
 * (learn.microsoft.com/entra/identity-platform/access-token-claims-reference). Clients of ACR get tokens of version 1.
 */
export const entra: Preset = {
  title: 'Microsoft Entra ID',
  parameters: {
    tenant: { description: 'Directory (tenant) ID.', pattern: guid },
    version: {
      description:
        'Of the tokens: v1 as `az account get-access-token` gets them for ACR, v2 of an application of your own.',
      pattern: /^v[12]$/,
      default: 'v1',
    },
  },
  defaults: ({ tenant = '', version }) => ({
    issuer:
      version === 'v2'
        ? `https://login.microsoftonline.com/${tenant.toLowerCase()}/v2.0`
        : `https://sts.windows.net/${tenant.toLowerCase()}/`,
    // The resource of ACR (acr.md 2.2). Version 2 has the ID of the application.
    audiences: version === 'v2' ? [] : ['https://containerregistry.azure.net'],
  }),
  subjectClaim: 'oid',
  groupsClaim: 'groups',
  lacksGroups: (claims) =>
    claimValue(claims, '/_claim_names/groups') !== undefined ||
    claimValue(claims, 'hasgroups') === true ||
    claimValue(claims, 'groups:src1') !== undefined,
  describe(claims) {
    const resource = textClaim(claims, 'xms_mirid');
    const application = textClaim(claims, 'appid') ?? textClaim(claims, 'azp');
    const object = textClaim(claims, 'oid') ?? '';
    if (resource !== undefined) return { name: resource.split('/').at(-1)!, kind: 'managed identity' };
    const person = names.map((name) => textClaim(claims, name)).find((name) => name !== undefined);
    const isApplication = textClaim(claims, 'idtyp') === 'app' || (person === undefined && application !== undefined);
    if (isApplication)
      return { name: textClaim(claims, 'app_displayname') ?? application ?? object, kind: 'service principal' };
    return { name: person ?? object, kind: 'user' };
  },
  claims: [
    { claim: 'oid', description: 'Object ID of the user or service principal; never used again.', trust: 'stable' },
    { claim: 'appid', description: 'Client ID of the application (v1); `azp` in v2.', trust: 'stable' },
    {
      claim: 'xms_mirid',
      description: 'Resource ID of a managed identity; its names may be used again.',
      trust: 'reusable',
    },
    { claim: 'groups', description: 'Object IDs of groups.', trust: 'stable' },
    { claim: 'roles', description: 'Roles of the application that was asked for.', trust: 'stable' },
    ...names.map((claim) => ({
      claim,
      description: 'A name, which may pass to somebody else.',
      trust: 'reusable' as const,
    })),
  ],
  review(pattern) {
    const findings = names
      .filter((name) => pattern.claims?.[name] !== undefined)
      .map((name) => ({ severity: 'medium' as const, why: `${name} may pass to somebody else; match oid` }));
    const stable = ['oid', 'appid', 'azp', 'groups', 'roles', 'xms_mirid'].some((name) => isExact(pattern, name));
    if (stable || isExact(pattern, 'sub')) return findings;
    const why = 'names nobody for sure: give oid, appid or a group, or whoever is in the tenant may fit';
    return [...findings, { severity: 'high', why }];
  },
};

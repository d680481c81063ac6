import { yesNoFlag } from '../flags.ts';
import { allWords, wordsFlag } from '../words.ts';

/** Who reaches a registry, in the words of `az acr update`. */
export interface NetworkSettings {
  publicNetworkEnabled?: boolean;
  defaultAction?: 'Allow' | 'Deny';
  allowTrustedServices?: boolean;
  trustedIdentities?: (readonly string[])[];
  dataEndpointEnabled?: boolean;
  allowExports?: boolean;
}

export const networkFlags = {
  publicNetworkEnabled: { ...yesNoFlag, brief: 'Whether anybody gets in but by private endpoints' },
  defaultAction: {
    kind: 'enum',
    values: ['Allow', 'Deny'],
    optional: true,
    brief: 'Deny: only whom a network rule allows gets in by the public way',
  },
  allowTrustedServices: { ...yesNoFlag, brief: 'Whether --trusted-identities count' },
  trustedIdentities: {
    ...wordsFlag,
    placeholder: 'principal-id…',
    brief: 'Managed identities that no network rule keeps out; "" for none',
  },
  dataEndpointEnabled: { ...yesNoFlag, brief: 'Whether blobs are read from a host of their own' },
  allowExports: { ...yesNoFlag, brief: 'Whether others may import from it; false takes a closed public network' },
} as const;

/** The properties that were given. */
export function networkPropertiesOf(given: NetworkSettings) {
  const { publicNetworkEnabled, defaultAction, allowTrustedServices, dataEndpointEnabled, allowExports } = given;
  const trustedIdentities = allWords(given.trustedIdentities);
  return {
    ...(publicNetworkEnabled !== undefined && {
      publicNetworkAccess: publicNetworkEnabled ? ('Enabled' as const) : ('Disabled' as const),
    }),
    ...(defaultAction && { networkRuleSet: { defaultAction } }),
    ...(allowTrustedServices !== undefined && {
      networkRuleBypassOptions: allowTrustedServices ? ('AzureServices' as const) : ('None' as const),
    }),
    ...(trustedIdentities && { trustedIdentities }),
    ...(dataEndpointEnabled !== undefined && { dataEndpointEnabled }),
    ...(allowExports !== undefined && {
      policies: { exportPolicy: { status: allowExports ? ('enabled' as const) : ('disabled' as const) } },
    }),
  };
}

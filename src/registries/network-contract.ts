import { z } from 'zod';
import { parseIpRange } from './ip-range.ts';

/** Most rules of a registry, and most bytes that it may have with them. */
const mostIpRules = 10_000;
export const mostRegistryBytes = 1024 * 1024;

/** What somebody from an address may do: read, write, use the management API. */
export const networkScopes = ['pull', 'push', 'manage'] as const;
export type NetworkScope = (typeof networkScopes)[number];

const ipRule = z.object({
  action: z.literal('Allow').default('Allow'),
  value: z
    .string()
    .describe('An IPv4 or IPv6 address, or a range such as 203.0.113.0/24 or 2001:db8::/32.')
    .superRefine((value, context) => {
      const range = parseIpRange(value);
      if (typeof range === 'string') context.addIssue({ code: 'custom', message: range });
    }),
  scope: z
    .array(z.enum(networkScopes))
    .min(1)
    .max(networkScopes.length)
    .optional()
    .describe('What is allowed from there; everything by default. Who may push may also ask what is there.'),
});

const networkRuleSet = z.object({
  defaultAction: z
    .enum(['Allow', 'Deny'])
    .default('Allow')
    .describe('Whether everybody is let in, or only whom a rule allows.'),
  ipRules: z.array(ipRule).max(mostIpRules).default([]),
  virtualNetworkRules: z
    .array(z.unknown())
    .max(0, 'are of Azure and mean nothing here; name the ranges of those networks in ipRules')
    .default([]),
});

/** Who reaches a registry (acr §4.3). */
export const networkProperties = {
  publicNetworkAccess: z
    .enum(['Enabled', 'Disabled'])
    .default('Enabled')
    .describe('Disabled: nobody gets in but by a private endpoint, whatever the rules say.'),
  networkRuleSet: networkRuleSet.prefault({}).describe('Who gets in by the public way.'),
  networkRuleBypassOptions: z
    .enum(['AzureServices', 'None'])
    .default('AzureServices')
    .describe(
      'None: trustedIdentities do not count. AzureServices alone lets nobody in: no service is trusted by its name.',
    ),
  trustedIdentities: z
    .array(z.guid('must be the principalId of a managed identity').transform((id) => id.toLowerCase()))
    .max(100)
    .default([])
    .describe('Managed identities, by their principalId, that get in by the public way whatever the rules say.'),
  networkRuleBypassAllowedForTasks: z
    .boolean()
    .default(false)
    .describe('Whether tasks of the registry get in whatever the rules say.'),
  dataEndpointEnabled: z
    .boolean()
    .default(false)
    .describe('Whether blobs are read from a host of their own, so that a firewall can name it.'),
};

/** A policy of its own among `policies`. */
export const exportPolicy = z.object({
  status: z
    .enum(['enabled', 'disabled', 'Enabled', 'Disabled'])
    .describe('disabled: nothing is imported from here by others. Public network access must be Disabled.'),
});

/** What `present` adds. */
export const networkReadOnly = {
  dataEndpointHostNames: z.array(z.string()).describe('Where blobs are read, if dataEndpointEnabled.'),
  privateEndpointConnections: z.array(z.unknown()).describe('Private endpoints, with the state of each.'),
};

interface Exporting {
  policies?: { exportPolicy?: { status: string } | undefined } | undefined;
}

/** Whether a registry, by its properties, may be what others import from; pulls are not asked (acr §4.3). */
export function mayExport({ policies }: Exporting): boolean {
  return policies?.exportPolicy?.status.toLowerCase() !== 'disabled';
}

/** Refuses a registry that nothing may be exported from, and that everybody may pull from (acr §4.3). */
export function requireClosedForExport(
  { publicNetworkAccess, policies }: Exporting & { publicNetworkAccess: string },
  context: z.RefinementCtx,
): void {
  if (mayExport({ policies }) || publicNetworkAccess === 'Disabled') return;
  context.addIssue({
    code: 'custom',
    path: ['publicNetworkAccess'],
    message:
      'must be Disabled while policies.exportPolicy.status is disabled; set both in one request, or enable exports first',
  });
}

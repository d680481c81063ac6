import { z } from 'zod';
import { apiVersions, resourceType } from '../operations/index.ts';

/** What a tier may have or not have (acr §1.1, and the gates that live in feature documentation alone). */
export const features = {
  anonymousPull: 'Everybody may pull, without credentials.',
  geoReplication: 'Replications in other regions.',
  availabilityZones: 'Zone redundancy.',
  repositoryPermissions: 'Roles that are bounded to repositories (ABAC).',
  privateEndpoints: 'Private endpoint connections.',
  networkRules: 'Rules of public addresses and of virtual networks.',
  dataEndpoints: 'Data endpoints of their own.',
  exportPolicy: 'Export that is switched off (data-loss prevention).',
  customerManagedKeys: 'Encryption with keys of the customer.',
  contentTrust: 'Content trust.',
  retentionPolicy: 'Retention of untagged manifests.',
  customDomains: 'Domains of their own.',
  agentPools: 'Agent pools of tasks.',
} as const;

export type Feature = keyof typeof features;

/** What a registry has a bounded number of, by the words of the error. */
export const counts = {
  webhooks: 'webhooks',
  geoReplications: 'replications',
  privateEndpoints: 'private endpoint connections',
  ipRules: 'rules of IP addresses',
  virtualNetworkRules: 'rules of virtual networks',
  tokens: 'repository-scoped tokens',
  scopeMaps: 'scope maps',
  actionsPerScopeMap: 'actions in a scope map',
  repositoriesPerScopeMap: 'pairs of repository and action in a scope map',
} as const;

export type CountLimit = keyof typeof counts;

/** The categories of requests (acr §1.3), in the order in which they are shown. */
export const categories = ['dataplaneRead', 'dataplaneWrite', 'dataplaneDelete', 'listReferrers', 'oauth'] as const;
export type Category = (typeof categories)[number];

/** Written where there is no limit. */
export const unlimited = -1;

const gib = 1024 ** 3;
const tib = 1024 * gib;
const largestCount = 1_000_000_000;

const count = (says: string, most = largestCount) =>
  z.int().min(unlimited).max(most).default(unlimited).describe(`${says}; -1 for no limit.`);
const bytes = (initial: number, says: string) =>
  z.int().min(unlimited).max(Number.MAX_SAFE_INTEGER).default(initial).describe(`${says} (bytes); -1 for no limit.`);
const dial = (says: string) =>
  z
    .int()
    .min(unlimited)
    .max(largestCount)
    .refine((rate) => rate !== 0, 'must be at least 1, or -1 for no limit')
    .default(unlimited)
    .describe(`${says}; -1 for no limit.`);

const perMinute = (says: string) =>
  z.object({ registry: dial(`${says} a minute, all callers together`), identity: dial('The same, of one identity') });

const limits = z.object({
  includedStorage: bytes(500 * gib, 'Storage that the tier is meant for, as ACR includes it in the price'),
  maxStorage: bytes(100 * tib, 'Storage beyond which nothing more is taken'),
  maxLayer: bytes(200 * gib, 'The largest blob'),
  maxManifest: z
    .int()
    .min(1024)
    .max(4 * 1024 ** 2)
    .default(4 * 1024 ** 2)
    .describe('The largest manifest (bytes).'),
  webhooks: count('Webhooks'),
  geoReplications: count('Replications beside the home region'),
  privateEndpoints: count('Private endpoint connections'),
  ipRules: count('Rules of IP addresses'),
  virtualNetworkRules: count('Rules of virtual networks'),
  tokens: count('Repository-scoped tokens', 50_000),
  scopeMaps: count('Scope maps', 50_000),
  actionsPerScopeMap: count('Actions in a scope map', 500),
  repositoriesPerScopeMap: count('Pairs of repository and action in a scope map', 500),
});

const has = Object.fromEntries(
  Object.entries(features).map(([name, says]) => [name, z.boolean().default(true).describe(says)]),
) as Record<Feature, z.ZodDefault<z.ZodBoolean>>;

const rates = z.object({
  dataplaneRead: perMinute('GET, HEAD').prefault({}),
  dataplaneWrite: perMinute('PUT, PATCH, POST').prefault({}),
  dataplaneDelete: perMinute('DELETE').prefault({}),
  listReferrers: perMinute('Lists of referrers').prefault({}),
  oauth: z.object({ registry: dial('Requests for tokens a minute, all callers together') }).prefault({}),
  burstSeconds: z
    .int()
    .min(1)
    .max(60)
    .default(60)
    .describe('How many seconds of its rate a bucket holds: what may pass at once after a quiet time.'),
  ingress: dial('MiB of blobs received a second, all uploads together'),
  egress: dial('MiB of blobs sent a second, all pulls together'),
  transfers: dial('Blobs received and sent at once'),
});

const parts = { limits: limits.prefault({}), features: z.object(has).prefault({}), rates: rates.prefault({}) };

/** A tier: what a registry of it may have, and how fast it may be. What it does not name is as in Premium. */
export const tierType = resourceType({
  namespace: 'Microsoft.ContainerRegistry',
  path: 'tiers',
  description:
    'A tier (SKU) of registries. Basic, Standard, Premium and acr-premium are always there; deleting one of them resets it.',
  name: { pattern: /^[a-zA-Z][a-zA-Z0-9-]{1,49}$/, says: '2 to 50 letters, digits and -, a letter first' },
  apiVersions: apiVersions.containerRegistry,
  most: 100,
  properties: z.object({
    description: z.string().max(512).default(''),
    limits: parts.limits.describe('What a registry may have of each.'),
    features: parts.features.describe('What a registry may use.'),
    rates: parts.rates.describe('How much of it may happen in a time.'),
  }),
  readOnly: z.object({
    builtIn: z.boolean().describe('Whether it is always there.'),
    modified: z.boolean().describe('Whether it differs from what was shipped; deleting it resets it then.'),
    registries: z.number().describe('Registries of this tier.'),
  }),
});

/** What can be set of a tier, each by its path: `limits.tokens`, `rates.dataplaneRead.identity`. */
export const tierSettings: readonly string[] = pathsOf(z.object(parts));

function pathsOf(schema: z.ZodType, path: readonly string[] = []): string[] {
  if (schema instanceof z.ZodPrefault) return pathsOf(schema.unwrap() as z.ZodType, path);
  if (!(schema instanceof z.ZodObject)) return [path.join('.')];
  return Object.entries(schema.shape).flatMap(([name, inner]) => pathsOf(inner as z.ZodType, [...path, name]));
}

export type TierProperties = z.output<typeof tierType.properties>;

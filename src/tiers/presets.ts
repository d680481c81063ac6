import { tierType, type TierProperties } from './contract.ts';

const gib = 1024 ** 3;
const tib = 1024 * gib;

/** What is in no tier below Premium (acr §1.1 and its note on feature documentation). */
const premiumAlone = {
  geoReplication: false,
  privateEndpoints: false,
  networkRules: false,
  dataEndpoints: false,
  exportPolicy: false,
  customerManagedKeys: false,
  contentTrust: false,
  retentionPolicy: false,
  customDomains: false,
  agentPools: false,
};
const none = { geoReplications: 0, privateEndpoints: 0, ipRules: 0, virtualNetworkRules: 0 };
const perScopeMap = { actionsPerScopeMap: 500, repositoriesPerScopeMap: 500 };
const premiumLimits = {
  webhooks: 500,
  privateEndpoints: 200,
  virtualNetworkRules: 100,
  tokens: 50_000,
  scopeMaps: 50_000,
};

/** acr §1.3, Basic and Standard. */
const lowerRates = {
  dataplaneRead: { registry: 10_000, identity: 5000 },
  dataplaneWrite: { registry: 2000, identity: 1000 },
  dataplaneDelete: { registry: 1000, identity: 500 },
  listReferrers: { registry: 500, identity: 250 },
  oauth: { registry: 10_000 },
};
/** The same, Premium. */
const premiumRates = {
  dataplaneRead: { registry: 20_000, identity: 10_000 },
  dataplaneWrite: { registry: 4000, identity: 2000 },
  dataplaneDelete: { registry: 4000, identity: 2000 },
  listReferrers: { registry: 2000, identity: 1000 },
  oauth: { registry: 20_000 },
};

const tier = (written: unknown): TierProperties => tierType.properties.parse(written);

/** The tiers that are always there, the smallest first (acr §1.1). Premium has no rates and more rules than ACR's. */
export const presets: ReadonlyMap<string, TierProperties> = new Map([
  [
    'Basic',
    tier({
      description: 'As ACR Basic.',
      limits: {
        ...none,
        ...perScopeMap,
        includedStorage: 10 * gib,
        maxStorage: 40 * tib,
        webhooks: 2,
        tokens: 100,
        scopeMaps: 100,
      },
      features: { ...premiumAlone, anonymousPull: false },
      rates: lowerRates,
    }),
  ],
  [
    'Standard',
    tier({
      description: 'As ACR Standard.',
      limits: {
        ...none,
        ...perScopeMap,
        includedStorage: 100 * gib,
        maxStorage: 40 * tib,
        webhooks: 10,
        tokens: 500,
        scopeMaps: 500,
      },
      features: premiumAlone,
      rates: lowerRates,
    }),
  ],
  [
    'Premium',
    tier({
      description: 'Everything, as fast as the machine is.',
      limits: { ...premiumLimits, ...perScopeMap, ipRules: 10_000 },
    }),
  ],
  [
    'acr-premium',
    tier({
      description: 'As ACR Premium, with its rates.',
      limits: { ...premiumLimits, ...perScopeMap, ipRules: 200 },
      rates: premiumRates,
    }),
  ],
]);

/** The tier of a registry that names none, or one that is gone. */
export const defaultTier = 'Premium';

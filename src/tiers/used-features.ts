import type { Feature } from './contract.ts';

type Properties = Readonly<Record<string, unknown>>;

/** Which property of a registry asks for which feature. Those that do not exist yet ask for nothing. */
const uses: readonly { feature: Feature; path: string; uses(value: unknown, properties: Properties): boolean }[] = [
  { feature: 'anonymousPull', path: 'anonymousPullEnabled', uses: isTrue },
  { feature: 'anonymousPull', path: 'anonymousPullRepositories', uses: isFilled },
  { feature: 'dataEndpoints', path: 'dataEndpointEnabled', uses: isTrue },
  {
    feature: 'repositoryPermissions',
    path: 'roleAssignmentMode',
    uses: (mode) => mode === 'AbacRepositoryPermissions',
  },
  { feature: 'availabilityZones', path: 'zoneRedundancy', uses: isEnabled },
  { feature: 'customerManagedKeys', path: 'encryption.status', uses: isEnabled },
  { feature: 'contentTrust', path: 'policies.trustPolicy.status', uses: isEnabled },
  { feature: 'retentionPolicy', path: 'policies.retentionPolicy.status', uses: isEnabled },
  { feature: 'exportPolicy', path: 'policies.exportPolicy.status', uses: isDisabled },
  // To close a registry altogether is to have a way in that is not public.
  { feature: 'privateEndpoints', path: 'publicNetworkAccess', uses: isDisabled },
  { feature: 'networkRules', path: 'networkRuleSet.defaultAction', uses: (action) => action === 'Deny' },
  { feature: 'networkRules', path: 'networkRuleSet.ipRules', uses: isFilled },
  { feature: 'networkRules', path: 'networkRuleSet.virtualNetworkRules', uses: isFilled },
];

/** The features that a registry's properties ask for, each with the property. */
export function usedFeatures(properties: Properties): { feature: Feature; target: string }[] {
  return uses
    .filter(({ path, uses: asks }) => asks(valueAt(properties, path), properties))
    .map(({ feature, path }) => ({ feature, target: `properties.${path}` }));
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce((at, word) => (at as Record<string, unknown> | null | undefined)?.[word], value);
}

function isTrue(value: unknown): boolean {
  return value === true;
}
function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
function isEnabled(value: unknown): boolean {
  return typeof value === 'string' && value.toLowerCase() === 'enabled';
}
function isDisabled(value: unknown): boolean {
  return typeof value === 'string' && value.toLowerCase() === 'disabled';
}

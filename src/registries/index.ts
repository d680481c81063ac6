export { registryChecks } from './checks.ts';
export { checkName } from './check-name.ts';
export { checkNameAvailability, registryType } from './contract.ts';
export {
  type ExplainedAccess,
  explainedPrincipal,
  explanation,
  namesOnePrincipal,
  onePrincipal,
} from './explain-contract.ts';
export { ensureRegistryResource, registryId } from './ensure.ts';
export { type ImportInput, importImage } from './import-contract.ts';
export { factsOf, type RegistryFacts } from './facts.ts';
export { lockChecks } from './lock-checks.ts';
export { releasesOf } from './lock-facts.ts';
export { regionChecks, regionDays, type RegistryRegions } from './region-checks.ts';
export { registryHandlers } from './handlers.ts';
export { listOperations, operationsOf } from './provider-operations.ts';
export { manifestType, repositoryType, tagType, viewHandlers, viewTypes } from './views/index.ts';
export { createTierGates, type TierGates } from './tier-gates.ts';
export { formatAddress, type IpRange, parseIpRange, readAddress } from './ip-range.ts';
export { type NetworkScope, networkScopes } from './network-contract.ts';
export type { TagImmutability } from './tag-policy.ts';
export { keptUntilRead } from './soft-delete.ts';
export { listStorage } from './storage-contract.ts';
export { repositoryLimit } from './storage-quota.ts';

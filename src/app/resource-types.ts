import { admissionTypes } from '../admission/index.ts';
import { advisoryDatabaseType } from '../advisories/index.ts';
import { recommendationType } from '../advisor/index.ts';
import { explainManagementAccess, identityTypes, testToken } from '../identity/index.ts';
import { networkTypes } from '../network/index.ts';
import type { ProviderAction, ResourceType } from '../operations/index.ts';
import { checkNameAvailability, listOperations, registryType, viewTypes } from '../registries/index.ts';
import { replicationType } from '../replication/index.ts';
import { scanningTypes } from '../scanning/index.ts';
import { tierType } from '../tiers/index.ts';

/** All that the management API serves, for the reference; each capability declares its own. */
export const resourceTypes: readonly ResourceType[] = [
  registryType,
  tierType,
  ...viewTypes,
  tierType,
  ...identityTypes,
  ...networkTypes,
  replicationType,
  ...admissionTypes,
  ...scanningTypes,
  advisoryDatabaseType,
  recommendationType,
];
export const providerActions: readonly ProviderAction[] = [
  checkNameAvailability,
  listOperations,
  explainManagementAccess,
  testToken,
];

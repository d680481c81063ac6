import { recommendationType } from '../advisor/index.ts';
import { explainManagementAccess, identityTypes, testToken } from '../identity/index.ts';
import { networkTypes } from '../network/index.ts';
import type { ProviderAction, ResourceType } from '../operations/index.ts';
import { checkNameAvailability, registryType } from '../registries/index.ts';

/** All that the management API serves, for the reference; each capability declares its own. */
export const resourceTypes: readonly ResourceType[] = [
  registryType,
  ...identityTypes,
  ...networkTypes,
  recommendationType,
];
export const providerActions: readonly ProviderAction[] = [checkNameAvailability, explainManagementAccess, testToken];

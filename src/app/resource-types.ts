import type { ProviderAction, ResourceType } from '../operations/index.ts';

/** All that the management API serves, for the reference; each capability declares its own. */
export const resourceTypes: readonly ResourceType[] = [];
export const providerActions: readonly ProviderAction[] = [];

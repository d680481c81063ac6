/** The one subscription and the one resource group. Paths need them; they separate nobody from anybody. */
export const subscriptionId = '00000000-0000-0000-0000-000000000001';
export const resourceGroup = 'bonded';

/** Ids of the scopes that always exist. */
export const subscriptionScope = `/subscriptions/${subscriptionId}`;
export const groupScope = `${subscriptionScope}/resourceGroups/${resourceGroup}`;

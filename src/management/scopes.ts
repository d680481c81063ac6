import { groupScope, resourceGroup, subscriptionId, subscriptionScope } from '../operations/index.ts';
import type { RouteOf } from './edge.ts';
import { json } from './envelope.ts';

const subscription = {
  id: subscriptionScope,
  subscriptionId,
  displayName: 'Bonded',
  state: 'Enabled',
  authorizationSource: 'RoleBased',
};

const group = {
  id: groupScope,
  name: resourceGroup,
  type: 'Microsoft.Resources/resourceGroups',
  location: 'local',
  tags: {},
  properties: { provisioningState: 'Succeeded' },
};

/** The subscription and the group, which always exist (Microsoft.Resources). */
export function showScope({ kind }: RouteOf<'subscriptions' | 'subscription' | 'groups' | 'group'>): Response {
  if (kind === 'subscription') return json(subscription);
  if (kind === 'group') return json(group);
  return json({ value: [kind === 'subscriptions' ? subscription : group] });
}

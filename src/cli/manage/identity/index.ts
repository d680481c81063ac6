import { buildRouteMap } from '@stricli/core';
import { federatedCredentialRoutes } from './federated-credentials.ts';
import { createIdentity, deleteIdentity, listIdentities, showIdentity, updateIdentity } from './identities.ts';

export const identityRoutes = buildRouteMap({
  routes: {
    create: createIdentity,
    show: showIdentity,
    list: listIdentities,
    update: updateIdentity,
    delete: deleteIdentity,
    federatedCredential: federatedCredentialRoutes,
  },
  docs: { brief: 'Identities, to which roles are assigned' },
});

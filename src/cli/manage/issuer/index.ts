import { buildRouteMap } from '@stricli/core';
import { createIssuer, deleteIssuer, listIssuers, showIssuer, updateIssuer } from './issuers.ts';
import { testIssuerToken } from './test-token.ts';

export const issuerCommands = {
  create: createIssuer,
  show: showIssuer,
  list: listIssuers,
  update: updateIssuer,
  delete: deleteIssuer,
  test: testIssuerToken,
};

export const issuerRoutes = buildRouteMap({
  routes: issuerCommands,
  docs: { brief: 'Issuers whose tokens are accepted' },
});

import { buildRouteMap } from '@stricli/core';
import { tokenCredentialRoutes } from './credentials.ts';
import { createToken, deleteToken, listTokens, showToken, updateToken } from './tokens.ts';

export const tokenRoutes = buildRouteMap({
  routes: {
    create: createToken,
    show: showToken,
    list: listTokens,
    update: updateToken,
    delete: deleteToken,
    credential: tokenCredentialRoutes,
  },
  docs: { brief: 'Repository-scoped tokens, for somebody without an identity' },
});

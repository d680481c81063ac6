import { buildRouteMap } from '@stricli/core';
import { tokenCredentialRoutes } from './credentials.ts';
import { createToken, namedTokens, updateToken } from './tokens.ts';

export const tokenRoutes = buildRouteMap({
  routes: {
    create: createToken,
    update: updateToken,
    ...namedTokens,
    credential: tokenCredentialRoutes,
  },
  docs: { brief: 'Repository-scoped tokens, for somebody without an identity' },
});

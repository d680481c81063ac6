import { accessRoutes } from './access/index.ts';
import { registryRoutes } from './acr/index.ts';
import { advise } from './advise.ts';
import { advisoryRoutes } from './advisories/index.ts';
import { exceptionRoutes } from './exception/index.ts';
import { explainImage } from './explain-image.ts';
import { identityRoutes } from './identity/index.ts';
import { issuerRoutes } from './issuer/index.ts';
import { policyRoutes } from './policy/index.ts';
import { roleRoutes } from './role/index.ts';
import { tierRoutes } from './tier/index.ts';
import { findings } from './scan/findings.ts';
import { scanRoutes } from './scan/index.ts';
import { sbom } from './scan/sbom.ts';
import { searchRoutes } from './scan/search.ts';
import { scopeMapRoutes } from './token/scope-maps.ts';
import { tokenRoutes } from './token/index.ts';

/** The commands of the management API, by their names. */
export const manageRoutes = {
  acr: registryRoutes,
  token: tokenRoutes,
  scopeMap: scopeMapRoutes,
  access: accessRoutes,
  advise,
  advisories: advisoryRoutes,
  identity: identityRoutes,
  role: roleRoutes,
  issuer: issuerRoutes,
  tier: tierRoutes,
  policy: policyRoutes,
  exception: exceptionRoutes,
  explain: explainImage,
  scan: scanRoutes,
  findings,
  sbom,
  search: searchRoutes,
} as const;

/** Other names of them. */
export const manageAliases = { registry: 'acr' } as const;
